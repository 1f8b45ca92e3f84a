"""Networks as folders of Hugging Face's hub: `config.json` and `model.safetensors`."""

from huggingface_hub import PyTorchModelHubMixin

from zennas.architecture.structure import format_structure, parse_structure
from zennas.input_size import plain, read_resolution
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
        resolution: size of the input that it was designed for, if known: the side of a square, or `"320x192"`.

    Raises:
        ArchitectureError: the structure is not valid.
    """

    def __init__(
        self, structure: str, num_classes: int = 1000, name: str = "", resolution: int | str | None = None
    ) -> None:
        size = None if resolution is None else read_resolution(resolution)
        super().__init__(parse_structure(structure, name, size), num_classes)


def to_hub(network: ZenNet) -> HubZenNet:
    """A trained network with its weights, ready for `save_pretrained`."""
    architecture = network.architecture
    size = None if architecture.resolution is None else plain(architecture.resolution)
    hub = HubZenNet(format_structure(architecture), network.num_classes, architecture.name, size)
    hub.load_state_dict(network.state_dict())
    return hub
