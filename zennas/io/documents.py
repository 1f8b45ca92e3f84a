"""YAML and JSON documents: plain values, safe-loaded, with errors of one line."""

import json
from typing import Any

from zennas.errors import FileError


def load_json(text: str, where: str) -> Any:
    """Plain values of a JSON text.

    Args:
        where: what the message of an error begins with, e.g. the file's name.

    Raises:
        FileError: the text is not JSON.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FileError(f"{where}: not valid JSON: {error}") from None


def load_yaml(text: str, where: str) -> Any:
    """Safe-load YAML, with its errors as one line. Raises `FileError`."""
    import yaml

    try:
        return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        at = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "unreadable"
        raise FileError(f"{where}{at}: not valid YAML: {problem}") from None
    except (
        ValueError,
        RecursionError,
        TypeError,
        AttributeError,
        KeyError,
        IndexError,
        OverflowError,
    ) as error:
        # PyYAML's constructors let such errors through for malformed dates, integers, and keys.
        raise FileError(f"{where}: not valid YAML: {error}") from None


def format_yaml(document: dict[str, Any]) -> str:
    """YAML with one super-block a line."""
    import yaml

    class Dumper(yaml.SafeDumper):
        pass

    class Row(dict[str, Any]):
        pass

    Dumper.add_representer(
        Row,
        lambda dumper, row: dumper.represent_mapping("tag:yaml.org,2002:map", row.items(), flow_style=True),
    )
    shown = dict(document)
    if isinstance(shown.get("super_blocks"), list):
        shown["super_blocks"] = [Row(row) for row in shown["super_blocks"]]
    return yaml.dump(shown, Dumper=Dumper, sort_keys=False, width=200, allow_unicode=True)
