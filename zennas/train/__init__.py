"""Training, distilling and evaluating networks: needs the extra `train`."""

from zennas.train.config import TrainConfig
from zennas.train.evaluation import Evaluation, evaluate
from zennas.train.loop import TrainProgress
from zennas.train.run import TrainResult, resume_training, train

__all__ = ["Evaluation", "TrainConfig", "TrainProgress", "TrainResult", "evaluate", "resume_training", "train"]
