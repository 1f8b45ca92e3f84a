"""Networks as folders of Hugging Face's hub: `config.json` and `model.safetensors`."""

from huggingface_hub import PyTorchModelHubMixin

from zennas.architecture.structure import format_structure, parse_structure
from zennas.input_size import Resolution
from zennas.nn.build import ZenNet


class HubZenNet(  # type: ignore[call-arg]
    ZenNet,
    PyTorchModelHubMixin,
    library_name="zennas",
    tags=["image-classification", "neural-architecture-search"],
    license="apache-2.0",
):
    """A `ZenNet` with `save_pretrained`, `from_pretrained` and `push_to_hub`.

        network = to_hub(trained)
        network.save_pretrained("my-network")
        network = HubZenNet.from_pretrained("my-network")

    A name that is no local folder is looked up on the hub, by huggingface_hub's own rules.

    Args:
        structure: a structure string; with the other arguments it is what `config.json` holds.
        num_classes: outputs of the classifier; 0 for none.
        name: what the architecture is called, or empty.
        resolution: side of the square input that it was designed for, if known.

    Raises:
        ArchitectureError: the structure is not valid.
    """

    def __init__(
        self, structure: str, num_classes: int = 1000, name: str = "", resolution: Resolution | None = None
    ) -> None:
        super().__init__(parse_structure(structure, name, resolution), num_classes)


def to_hub(network: ZenNet) -> HubZenNet:
    """A trained network with its weights, ready for `save_pretrained`."""
    architecture = network.architecture
    hub = HubZenNet(format_structure(architecture), network.num_classes, architecture.name, architecture.resolution)
    hub.load_state_dict(network.state_dict())
    return hub
