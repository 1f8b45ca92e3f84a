"""Scores: how expressive a network is, without training it."""

import zennas.scores.builtin
import zennas.scores.entropy
import zennas.scores.learned.score
import zennas.scores.multi_scale
import zennas.scores.proxies
import zennas.scores.weighted
import zennas.scores.weighted_1  # noqa: F401  (all of them register scores)
from zennas.scores.closed_form import meanfield_score
from zennas.scores.registry import (
    RegisteredScore,
    ScoreSettings,
    compute_score,
    register_score,
    registered_score,
    score_names,
)
from zennas.scores.result import Score

__all__ = [
    "RegisteredScore",
    "Score",
    "ScoreSettings",
    "compute_score",
    "meanfield_score",
    "register_score",
    "registered_score",
    "score_names",
]
