"""The zoo in timm: after `import zennas.zoo.timm_models`, `timm.create_model("zennet_cifar_1_0m")` builds its networks.

They are there for `list_models`, `features_only=True` and `pretrained_cfg` like timm's own. No pretrained weights are
published with them; weights of a file are loaded with `checkpoint_path`.
"""

from collections.abc import Sequence
from typing import Any

from timm.data import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
from timm.models import build_model_with_cfg, register_model
from timm.models._features import FeatureGetterNet, feature_take_indices
from torch import Tensor, nn

from zennas.architecture.model import Architecture
from zennas.errors import ArchitectureError
from zennas.nn.build import ZenNet
from zennas.zoo import ZooEntry, zoo_entry, zoo_names

_CIFAR_MEAN, _CIFAR_STD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)

default_cfgs: dict[str, dict[str, Any]] = {}
"""timm's configuration of each name: input size, mean, standard deviation, classes."""


class TimmZenNet(ZenNet):
    """A network with what timm's tools ask of a model.

    Attributes:
        feature_info: for each stage (the last map of each resolution): channels, reduction, and the module it
            comes out of.
        num_features: channels of the pre-GAP feature map.
    """

    def __init__(
        self, cfg: Architecture, num_classes: int = 1000, in_chans: int = 3, global_pool: str = "avg", **_: Any
    ) -> None:
        if in_chans != cfg.in_channels:
            raise ArchitectureError(f"{cfg.name} takes {cfg.in_channels} channels, not in_chans={in_chans}")
        if global_pool not in ("", "avg"):
            raise ArchitectureError(f"global_pool {global_pool!r} is not allowed; ZenNets pool by avg")
        super().__init__(cfg, num_classes)
        self.num_features = self.head_hidden_size = cfg.out_channels
        self._pool = bool(global_pool)
        self.feature_info = stage_info(cfg)

    def forward_intermediates(
        self,
        x: Tensor,
        indices: int | Sequence[int] | None = None,
        norm: bool = False,
        stop_early: bool = False,
        output_fmt: str = "NCHW",
        intermediates_only: bool = False,
    ) -> list[Tensor] | tuple[Tensor, list[Tensor]]:
        """Feature maps of stages, N×C×H×W, and the pre-GAP map unless left out, as timm's models give them.

        Args:
            x: images N×C×H×W.
            indices: of the stages, the largest map first; a number for the last so many; all by default.
            norm: has no meaning here; timm passes it.
            stop_early: has no effect, all stages run; timm passes it.
            output_fmt: `NCHW`, the only one.
            intermediates_only: leave out the pre-GAP map; off by default.

        Raises:
            ArchitectureError: a format other than NCHW is asked for.
        """
        if output_fmt != "NCHW":
            raise ArchitectureError(f"output_fmt {output_fmt!r} is not allowed; feature maps are NCHW")
        taken, _ = feature_take_indices(len(self.feature_info), indices)
        stages = self.forward_stages(x)
        maps = [stages[index] for index in taken]
        return maps if intermediates_only else (stages[-1], maps)

    def forward_head(self, features: Tensor, pre_logits: bool = False) -> Tensor:
        """Logits of a pre-GAP map; what comes before the classifier if `pre_logits`; the map where pooling is off."""
        pooled = features.mean((2, 3)) if self._pool else features
        if pre_logits:
            return pooled
        logits: Tensor = self.classifier(pooled)
        return logits

    def get_classifier(self) -> nn.Module:
        """The linear layer."""
        return self.classifier

    def reset_classifier(self, num_classes: int, global_pool: str | None = None) -> None:
        """A fresh classifier; 0 classes for none, and `global_pool=""` for maps in place of vectors.

        Raises:
            ArchitectureError: classes without pooling.
        """
        if global_pool is not None:
            self._pool = bool(global_pool)
        if num_classes and not self._pool:
            raise ArchitectureError("a classifier needs pooled features; leave global_pool at avg")
        self.num_classes = num_classes
        device = next(self.parameters()).device
        self.classifier = nn.Linear(self.num_features, num_classes).to(device) if num_classes else nn.Identity()


def stage_info(architecture: Architecture) -> list[dict[str, Any]]:
    """timm's description of the maps of `ZenNet.forward_stages`, on inputs that every stride halves."""
    stages: list[dict[str, Any]] = []
    reduction = 1
    for index, block in enumerate(architecture.super_blocks):
        reduction *= block.stride
        info = {"num_chs": block.out_channels, "reduction": reduction, "module": f"super_blocks.{index}"}
        if stages and stages[-1]["reduction"] == reduction:
            stages[-1] = info
        else:
            stages.append(info)
    return stages


def timm_name(zoo_name: str) -> str:
    """`zennet-cifar-1.0M` → `zennet_cifar_1_0m`: timm's names are Python's."""
    return zoo_name.lower().replace("-", "_").replace(".", "_")


def _cfg(entry: ZooEntry) -> dict[str, Any]:
    side = entry.architecture.resolution
    cifar = entry.num_classes != 1000
    return {
        "url": "",
        "num_classes": entry.num_classes,
        "input_size": (3, side, side),
        "pool_size": None,
        "crop_pct": 1.0 if cifar else 0.875,
        "interpolation": "bicubic",
        "mean": _CIFAR_MEAN if cifar else IMAGENET_DEFAULT_MEAN,
        "std": _CIFAR_STD if cifar else IMAGENET_DEFAULT_STD,
        "first_conv": "super_blocks.0.0.0",
        "classifier": "classifier",
        "license": "apache-2.0",
    }


def _register(zoo_name: str) -> None:
    entry, name = zoo_entry(zoo_name), timm_name(zoo_name)

    def create(pretrained: bool = False, **kwargs: Any) -> nn.Module:
        architecture = entry.architecture
        network: nn.Module = build_model_with_cfg(
            TimmZenNet,
            name,
            pretrained,
            model_cfg=architecture,
            feature_cfg={"feature_cls": FeatureGetterNet, "out_indices": len(stage_info(architecture))},
            **kwargs,
        )
        return network

    create.__name__ = create.__qualname__ = name
    create.__doc__ = f"{zoo_name} ({entry.source})."
    default_cfgs[name] = _cfg(entry)
    register_model(create)


for _zoo_name in zoo_names():
    _register(_zoo_name)
