"""What a user is told of winners that keep their budgets and are no networks to train, or not the best to be had."""

from collections.abc import Sequence

from zennas.runs.result import Winner
from zennas.runs.stopping import TIME_LIMIT
from zennas.searching.rounds import Search

TOO_DEEP = 10.0
"""Depth over width beyond that of networks that are trained: ResNet-110 has 0.39, MobileNetV2 1.3."""
DEPTH_BOUNDS = {"layers", "convolutions", "effectiveness"}


def depth_advice(winners: Sequence[Winner]) -> list[str]:
    """A note where winners are stacks of narrow layers and no budget of theirs bounds depth.

    Args:
        winners: of a search.
    """
    free = [w for w in winners if not DEPTH_BOUNDS & {budget.quantity for budget in w.budgets}]
    worst = max((w.costs for w in free), key=lambda costs: costs.effectiveness or 0.0, default=None)
    depth = (worst.effectiveness if worst else None) or 0.0
    if worst is None or depth <= TOO_DEEP:
        return []
    return [
        f"the winner is a stack of narrow layers ({worst.convolutions:,} convolutions, depth over width {depth:.0f}, "
        "that of ResNet-110 is 0.39), which will train badly: bound its depth with --layers or --max-effectiveness"
    ]


def early_end_advice(search: Search, algorithm: str, status: str) -> list[str]:
    """A note where the time was over before an algorithm came to what it prepares for.

    Args:
        search: that ended, in one go.
        algorithm: its name.
        status: why it ended.
    """
    planned, done = search.problem.iterations, search.iteration
    if status != TIME_LIMIT or done >= search.algorithm.settles * planned:
        return []
    step = 10 ** max(0, len(str(done)) - 2)
    return [
        f"the time limit came after {done:,} of {planned:,} iterations, before {algorithm} settled on its best: plan "
        f"as many as there is time for, some --iterations {max(1, done // step * step)}"
    ]
