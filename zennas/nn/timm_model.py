"""Networks as models of timm: built by `timm.create_model`, with what timm's tools ask of a model."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from timm.data import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
from timm.layers import SelectAdaptivePool2d, create_classifier
from timm.models import build_model_with_cfg, register_model
from timm.models._features import FeatureGetterNet, feature_take_indices
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from zennas.architecture.model import Architecture
from zennas.counting import smallest_resolution
from zennas.errors import ArchitectureError
from zennas.input_size import out_size, sides
from zennas.nn.build import ZenNet

POOLINGS = ("", "avg", "max", "avgmax", "catavgmax")
DEFAULT_RESOLUTION = 224

default_cfgs: dict[str, dict[str, Any]] = {}
"""timm's configuration of each name: input size, mean, standard deviation, classes."""


class TimmZenNet(ZenNet):
    """A network with what timm's tools ask of a model.

    Args:
        cfg: the network as data.
        num_classes: outputs of the classifier, 0 for none.
        in_chans: channels of the images.
        global_pool: one of `POOLINGS`; empty leaves maps as they are, which a classifier cannot take.
        drop_rate: share of the classifier's inputs that a training drops.
        head_in_features: whether a 1×1 convolution at the end, the head of a classifier, belongs to the last stage of
            features; without it that stage has the channels of the block in front of it.

    Attributes:
        feature_info: for each stage (the last map of each resolution): channels, reduction, and the module it
            comes out of.
        num_features: channels of the pre-GAP feature map.
        head_hidden_size: inputs of the classifier.
    """

    def __init__(
        self,
        cfg: Architecture,
        num_classes: int = 1000,
        in_chans: int = 3,
        global_pool: str = "avg",
        drop_rate: float = 0.0,
        head_in_features: bool = True,
        **_: Any,
    ) -> None:
        first, *rest = cfg.super_blocks
        super().__init__(replace(cfg, super_blocks=(replace(first, in_channels=in_chans), *rest)), 0)
        self.num_features = cfg.out_channels
        self.grad_checkpointing = False
        self.feature_info = stage_info(cfg, head_in_features)
        self.head_drop = nn.Dropout(drop_rate)
        self.global_pool: nn.Module = SelectAdaptivePool2d(pool_type="avg", flatten=True)
        self.reset_classifier(num_classes, global_pool)

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
            stop_early: whether to end after the last of the stages, which then is what comes first.
            output_fmt: `NCHW`, the only one.
            intermediates_only: leave out the pre-GAP map; off by default.

        Raises:
            ArchitectureError: a format other than NCHW is asked for.
        """
        if output_fmt != "NCHW":
            raise ArchitectureError(f"output_fmt {output_fmt!r} is not allowed; feature maps are NCHW")
        taken, _ = feature_take_indices(len(self.feature_info), indices)
        ends = [self.feature_info[index]["block"] for index in taken]
        found: dict[int, Tensor] = {}
        for index, block in enumerate(self.super_blocks):
            if (stop_early or intermediates_only) and len(found) == len(set(ends)):
                break
            x = block(x)
            if index in ends:
                found[index] = x
        maps = [found[end] for end in ends]
        return maps if intermediates_only else (x, maps)

    def prune_intermediate_layers(
        self, indices: int | Sequence[int] = 1, prune_norm: bool = False, prune_head: bool = True
    ) -> list[int]:
        """Drop what the features of some stages do not need, and say which stages they are.

        Args:
            indices: of the stages, as for `forward_intermediates`.
            prune_norm: has no meaning here; timm passes it.
            prune_head: drop the classifier; on by default.
        """
        taken, last = feature_take_indices(len(self.feature_info), indices)
        self.super_blocks = self.super_blocks[: self.feature_info[last]["block"] + 1]
        if prune_head:
            self.reset_classifier(0, "")
        stages: list[int] = taken
        return stages

    def forward_head(self, features: Tensor, pre_logits: bool = False) -> Tensor:
        """Logits of a pre-GAP map; what comes before the classifier if `pre_logits`; the map where pooling is off."""
        pooled: Tensor = self.head_drop(self.global_pool(features))
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
            ArchitectureError: an unknown pooling, or classes without one.
        """
        pool = self.global_pool.pool_type if global_pool is None else global_pool
        if pool not in POOLINGS:
            raise ArchitectureError(f"global_pool {pool!r} is not allowed; use one of {', '.join(map(repr, POOLINGS))}")
        if num_classes and not pool:
            raise ArchitectureError(
                "a classifier needs pooled features: leave global_pool at 'avg', or ask for num_classes=0 too"
            )
        self.num_classes = num_classes
        like = next(self.parameters())
        self.global_pool, self.classifier = create_classifier(
            self.num_features, num_classes, pool, device=like.device, dtype=like.dtype
        )
        self.head_hidden_size = self.num_features * self.global_pool.feat_mult()
        if num_classes:
            nn.init.normal_(self.classifier.weight, 0, 0.01)
            nn.init.zeros_(self.classifier.bias)

    def group_matcher(self, coarse: bool = False) -> dict[str, str]:
        """How timm groups parameters for layer-wise learning rates: by super-block, or by unit.

        Args:
            coarse: whether a super-block is one group; else each of its units is.
        """
        blocks = r"^super_blocks\.(\d+)" if coarse else r"^super_blocks\.(\d+)\.(\d+)"
        return {"stem": r"^super_blocks\.0", "blocks": blocks}

    def set_grad_checkpointing(self, enable: bool = True) -> None:
        """Whether a training computes the activations inside super-blocks again instead of keeping them."""
        self.grad_checkpointing = enable

    def forward_features(self, x: Tensor) -> Tensor:
        """The pre-GAP feature map, N×C×H×W."""
        for block in self.super_blocks:
            if self.grad_checkpointing and not torch.jit.is_scripting():
                x = checkpoint(block, x, use_reentrant=False)
            else:
                x = block(x)
        return x


def stage_info(architecture: Architecture, head: bool = True) -> list[dict[str, Any]]:
    """timm's description of the stages' last maps, on inputs that every stride halves.

    Args:
        architecture: the network.
        head: whether a 1×1 convolution at the end belongs to the last stage.
    """
    blocks = list(architecture.super_blocks)
    while blocks[-1].block == "Hidden":
        blocks.pop()  # behind global pooling
    last = blocks[-1]
    if not head and len(blocks) > 1 and (last.block, last.kernel, last.stride) == ("Conv", 1, 1):
        blocks.pop()
    stages: list[dict[str, Any]] = []
    reduction = 1
    for index, block in enumerate(blocks):
        reduction *= block.stride
        info = {
            "num_chs": block.out_channels,
            "reduction": reduction,
            "module": f"super_blocks.{index}",
            "block": index,
        }
        if stages and stages[-1]["reduction"] == reduction:
            stages[-1] = info
        else:
            stages.append(info)
    return stages


def register(architecture: Architecture, name: str, about: str, cfg: dict[str, Any] | None = None) -> None:
    """Make an architecture known to `timm.create_model` and `timm.list_models`.

    Args:
        architecture: the network.
        name: in timm: a plain Python name. One that is registered already is replaced.
        about: a line for its docstring.
        cfg: what its configuration has beside or in place of the usual: ImageNet's mean and standard deviation.
    """
    size = architecture.resolution or DEFAULT_RESOLUTION
    stages = stage_info(architecture)
    last = out_size(size, stages[-1]["reduction"])

    def create(pretrained: bool = False, **kwargs: Any) -> nn.Module:
        features = stage_info(architecture, kwargs.get("head_in_features", True))
        network: nn.Module = build_model_with_cfg(
            TimmZenNet,
            name,
            pretrained,
            model_cfg=architecture,
            feature_cfg={"feature_cls": FeatureGetterNet, "out_indices": len(features)},
            **kwargs,
        )
        return network

    create.__name__ = create.__qualname__ = name
    create.__doc__ = about
    default_cfgs[name] = {
        "url": "",
        "num_classes": architecture.num_classes or 0,
        "input_size": (architecture.in_channels, *sides(size)),
        "min_input_size": (architecture.in_channels, *(smallest_resolution(architecture),) * 2),
        "pool_size": sides(last),
        "crop_pct": 0.875,
        "interpolation": "bicubic",
        "mean": IMAGENET_DEFAULT_MEAN,
        "std": IMAGENET_DEFAULT_STD,
        "first_conv": "super_blocks.0.0.0",
        "classifier": "classifier",
        **(cfg or {}),
    }
    register_model(create)
