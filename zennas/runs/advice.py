"""What a user is told of a winner that keeps its budgets and is still no network to train."""

from collections.abc import Sequence

from zennas.runs.result import Winner

TOO_DEEP = 10.0
"""Depth over width beyond that of networks that are trained: ResNet-110 has 0.39, MobileNetV2 1.3."""
DEPTH_BOUNDS = {"layers", "convolutions", "effectiveness"}


def depth_advice(winners: Sequence[Winner]) -> list[str]:
    """A note where winners are stacks of narrow layers and no budget of theirs bounds depth.

    Args:
        winners: of a search.
    """
    free = [w for w in winners if not DEPTH_BOUNDS & {budget.quantity for budget in w.budgets}]
    worst = max((w.costs.effectiveness or 0.0 for w in free), default=0.0)
    if worst <= TOO_DEEP:
        return []
    convolutions = max(w.costs.convolutions for w in free)
    return [
        f"the winner is a stack of narrow layers ({convolutions:,} convolutions, depth over width {worst:.0f}, that of "
        "ResNet-110 is 0.39), which will train badly: bound its depth with --layers or --max-effectiveness"
    ]
