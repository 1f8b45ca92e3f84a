"""Accuracy as a score: predicted from a few trained networks, as a correction of a zero-shot score.

`zennas.accuracy` learns such a model; here is what a search needs of it: the features, the model as plain numbers, its
file, and the score `accuracy:FILE`. numpy is enough.
"""

from zennas.scores.learned.files import load_accuracy_model
from zennas.scores.learned.model import AccuracyModel

__all__ = ["AccuracyModel", "load_accuracy_model"]
