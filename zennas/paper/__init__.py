"""The paper's tables and figures: computed here, drawn, and set beside the printed numbers."""

from zennas.paper.entries import ENTRIES, reproduce
from zennas.paper.report import Comparison, Reproduction, write_reproductions

__all__ = ["ENTRIES", "Comparison", "Reproduction", "reproduce", "write_reproductions"]
