"""Networks in evaluation mode, as they are or with batch norms folded into the convolutions before them."""

import copy
from itertools import pairwise

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


def evaluation_copy(network: nn.Module, fold: bool = False) -> nn.Module:
    """A copy in evaluation mode.

    Args:
        network: any module; it is not changed.
        fold: fold batch norms (`fold_batch_norms`).
    """
    return fold_batch_norms(network) if fold else copy.deepcopy(network).eval()


def fold_batch_norms(network: nn.Module) -> nn.Module:
    """A copy in evaluation mode in which each convolution has taken in the batch norm that follows it.

    Args:
        network: any module; it is not changed.
    """
    folded = copy.deepcopy(network).eval()
    for sequence in [part for part in folded.modules() if isinstance(part, nn.Sequential)]:
        layers = list(sequence)
        for position, (before, norm) in enumerate(pairwise(layers)):
            if isinstance(before, nn.Conv2d) and _is_bare(norm):
                sequence[position] = fuse_conv_bn_eval(before, norm)
                sequence[position + 1] = nn.Identity()
    return folded


def _is_bare(norm: nn.Module) -> bool:
    """Whether it is a batch norm and nothing else: timm's have an activation inside, and one without running statistics
    is no linear map."""
    return type(norm) is nn.BatchNorm2d and norm.track_running_stats
