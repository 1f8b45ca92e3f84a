"""Latencies: measured on a device, learned from such measurements, predicted in a search.

`setting`, `layers`, `records`, `enough`, `correction`, `winner` and `predictor` with its models need no torch;
`backends`, `measure`, `layout`, `drift`, `collect`, `learn` and `fit` do.
"""

from zennas.latency.predictor import Predictor, read_predictor, write_predictor
from zennas.latency.setting import Setting

__all__ = ["Predictor", "Setting", "read_predictor", "write_predictor"]
