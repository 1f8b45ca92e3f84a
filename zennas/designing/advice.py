"""What a user is told of a design whose short trainings may have led it astray."""

from zennas.designing.result import CANDIDATES, DesignResult

MUCH_SHALLOWER = 2 / 3


def depth_advice(result: DesignResult) -> str:
    """A sentence where the winner is much shallower than the candidate of the highest zero-shot score, else nothing.

    Shallow networks learn faster: after a few epochs they can lead networks that overtake them later (docs/design.md,
    "Beside what else the time could have gone into").

    Args:
        result: a design with a winner.
    """
    winner, first = result.winner, [c for c in result.candidates if c.round == 1]
    if winner is None or not first:
        return ""
    highest = max(first, key=lambda candidate: candidate.plan.score)
    layers, most = (result.costs(candidate).layers for candidate in (winner, highest))
    if layers >= MUCH_SHALLOWER * most:
        return ""
    network = result.directory / CANDIDATES / highest.plan.name / "architecture.yaml"
    return (
        f"the winner has {layers} layers, the network of the highest zero-shot score {most}; trainings of "
        f"{result.config.epochs} epochs favour networks that learn quickly; train the other one in full as well before "
        f"you choose ({network}), or design with more --epochs"
    )
