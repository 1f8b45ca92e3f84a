"""What numbers take where a network is deployed, by number type."""

from dataclasses import dataclass

from zennas.errors import BudgetError, shortened
from zennas.number_types import number_type


@dataclass(frozen=True, slots=True)
class Storage:
    """Bytes that a runtime takes for a network whose batch norms are folded.

    Attributes:
        activation: of a value of a feature map.
        weight: of a weight of a convolution or of the classifier.
        output: of each output channel beside its weights: the bias, and in int8 the scale of the channel's weights.
    """

    activation: int
    weight: int
    output: int


STORED = {
    "fp32": Storage(4, 4, 4),
    "fp16": Storage(2, 2, 2),
    # TFLite's and onnxruntime's int8 per channel: a bias of 32 bits and a scale in fp32. onnxruntime's files have a
    # second scale a channel, that of the bias, which is a product of others.
    "int8": Storage(1, 1, 8),
}
"""By the words of `zennas.number_types`."""
DEPLOYED_TYPES = tuple(STORED)


def storage(dtype: str) -> Storage:
    """What numbers of that type take. Raises `BudgetError` for one that is not in `STORED`."""
    found = STORED.get(number_type(dtype))
    if found is None:
        raise BudgetError(f"dtype {shortened(dtype)} is not known; use {', '.join(STORED)}")
    return found
