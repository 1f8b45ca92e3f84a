"""The zoo in timm: after `import zennas.zoo.timm_models`, `timm.create_model("zennet_cifar_1_0m")` builds its networks.

They are there for `list_models`, `features_only=True` and `pretrained_cfg` like timm's own. No pretrained weights are
published with them; weights of a file are loaded with `checkpoint_path`.
"""

from typing import Any

from zennas.nn.timm_model import register
from zennas.zoo import ZooEntry, zoo_entry, zoo_names

_CIFAR_MEAN, _CIFAR_STD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)


def timm_name(zoo_name: str) -> str:
    """`zennet-cifar-1.0M` → `zennet_cifar_1_0m`: timm's names are Python's."""
    return zoo_name.lower().replace("-", "_").replace(".", "_")


def _cfg(entry: ZooEntry) -> dict[str, Any]:
    licensed = {"license": "apache-2.0"}
    if entry.num_classes == 1000:
        return licensed
    return {**licensed, "crop_pct": 1.0, "mean": _CIFAR_MEAN, "std": _CIFAR_STD}


for _zoo_name in zoo_names():
    _entry = zoo_entry(_zoo_name)
    register(_entry.architecture, timm_name(_zoo_name), f"{_zoo_name} ({_entry.source}).", _cfg(_entry))
