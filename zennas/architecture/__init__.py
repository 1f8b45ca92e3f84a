"""Architectures as data, and the texts that describe them."""

from zennas.architecture.document import from_document, parse_json, parse_yaml, to_document
from zennas.architecture.files import read_architecture, write_architecture
from zennas.architecture.model import Architecture, SuperBlock
from zennas.architecture.structure import format_structure, parse_structure

__all__ = [
    "Architecture",
    "SuperBlock",
    "format_structure",
    "from_document",
    "parse_json",
    "parse_structure",
    "parse_yaml",
    "read_architecture",
    "to_document",
    "write_architecture",
]
