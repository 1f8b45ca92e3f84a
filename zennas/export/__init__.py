"""Networks for other runtimes: ONNX, torch.export and int8, each checked against torch.

Importing it needs torch; a format needs its own libraries, and `images` the extra `train`.
"""

from zennas.export.checked import ExportResult, export
from zennas.export.formats import FORMATS, Format, register_format
from zennas.export.onnx_format import onnx_model
from zennas.export.torch_export_format import torch_program

__all__ = ["FORMATS", "ExportResult", "Format", "export", "onnx_model", "register_format", "torch_program"]
