"""The Zen-score in closed form. The derivation is in `docs/closed-form.md`."""

from zennas.scores.closed_form.score import MeanfieldScorer, meanfield_many, meanfield_score

__all__ = ["MeanfieldScorer", "meanfield_many", "meanfield_score"]
