"""The Zen-score in closed form. The derivation is in `docs/closed-form.md`."""

from zennas.scores.closed_form.score import meanfield_many, meanfield_of_chains, meanfield_score

__all__ = ["meanfield_many", "meanfield_of_chains", "meanfield_score"]
