"""Networks for other runtimes: ONNX, torch.export and int8, each checked against torch."""

from zennas.export.checked import ExportResult, export

__all__ = ["ExportResult", "export"]
