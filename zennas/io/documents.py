"""YAML and JSON documents: plain values, safe-loaded, bounded in what they cost to read, with errors of one line."""

import json
from typing import Any

from zennas.errors import FileError, cut
from zennas.io.foreign import parse_foreign

MAX_NUMBER = 100
"""Characters of a whole number: what is beyond fits no quantity here, and breaks arithmetic with floats."""
MAX_CHARACTERS = 10_000_000
"""Of a YAML document."""
MAX_DEPTH = 100
"""Of a YAML document: collections within collections."""
MAX_ALIASED = 10_000
"""Values that the aliases of a YAML document stand for: ten lines of aliases could stand for billions."""


def load_json(text: str, where: str) -> Any:
    """Plain values of a JSON text.

    Args:
        text: the whole document.
        where: what the message of an error begins with, e.g. the file's name.

    Raises:
        FileError: the text is not JSON, or holds a whole number of more than `MAX_NUMBER` characters.
    """

    def whole_number(digits: str) -> int:
        if len(digits) > MAX_NUMBER:
            raise FileError(f"{where}: a whole number of {len(digits)} characters; at most {MAX_NUMBER} are read")
        return int(digits)

    try:
        return json.loads(text, parse_int=whole_number)
    except RecursionError:
        raise FileError(f"{where}: not JSON: too many brackets within brackets") from None
    except ValueError as error:
        raise FileError(f"{where}: not JSON: {error}") from None


def load_yaml(text: str, where: str) -> Any:
    """Plain values of a YAML text, safe-loaded.

    Args:
        text: the whole document.
        where: what the message of an error begins with, e.g. the file's name.

    Raises:
        FileError: the text is not YAML, or exceeds `MAX_CHARACTERS`, `MAX_DEPTH`, `MAX_ALIASED` or, in a number,
            `MAX_NUMBER`.
    """
    import yaml

    if len(text) > MAX_CHARACTERS:
        raise FileError(f"{where}: {len(text)} characters of YAML; at most {MAX_CHARACTERS} are read")

    def load() -> Any:
        try:
            _check_size(text, where)
            return yaml.load(text, Loader=_bounded_loader(where))
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            problem = getattr(error, "problem", None) or "unreadable"
            raise FileError(f"{where}{_at(mark)}: not valid YAML: {cut(problem)}") from None

    # PyYAML's constructors let other errors than YAMLError through for malformed dates, numbers and keys.
    return parse_foreign(load, lambda said: FileError(f"{where}: not valid YAML: {said}"))


def _at(mark: Any) -> str:
    return f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""


def _base_loader() -> Any:
    import yaml

    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _bounded_loader(where: str) -> Any:
    """PyYAML's safe loader, with a bound on numbers."""
    base: Any = _base_loader()

    class Loader(base):  # type: ignore[misc,unused-ignore]
        def construct_number(self, node: Any) -> Any:
            value = node.value
            if isinstance(value, str) and len(value) > MAX_NUMBER:
                raise FileError(
                    f"{where}{_at(node.start_mark)}: a number of {len(value)} characters; at most {MAX_NUMBER} are read"
                )
            kind = "int" if node.tag.endswith("int") else "float"
            return getattr(self, f"construct_yaml_{kind}")(node)

    for kind in ("int", "float"):
        Loader.add_constructor(f"tag:yaml.org,2002:{kind}", Loader.construct_number)
    return Loader


def _check_size(text: str, where: str) -> None:
    """Walk a document's events, which builds nothing, and count what it would become.

    Raises:
        FileError: it is nested too deeply, an alias stands for a collection that it is in, or aliases for too much.
    """
    import yaml

    sizes: dict[str, int] = {}  # of what has an anchor, with everything in it
    open_: list[tuple[str | None, int]] = []  # anchors of the collections around, and the count before them
    count = aliased = 0
    for event in yaml.parse(text, Loader=_base_loader()):
        if isinstance(event, yaml.AliasEvent):
            name = event.anchor or ""
            if any(name == anchor for anchor, _ in open_):
                raise FileError(f"{where}{_at(event.start_mark)}: the alias *{cut(name)} stands for what it is in")
            size = sizes.get(name, 1)
            count, aliased = count + size, aliased + size
            if aliased > MAX_ALIASED:
                raise FileError(
                    f"{where}{_at(event.start_mark)}: aliases that stand for more than {MAX_ALIASED} values; "
                    "write them out"
                )
        elif isinstance(event, yaml.CollectionStartEvent):
            open_.append((event.anchor, count))
            count += 1
            if len(open_) > MAX_DEPTH:
                raise FileError(f"{where}{_at(event.start_mark)}: nested deeper than {MAX_DEPTH} levels")
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = open_.pop()
            if anchor is not None:
                sizes[anchor] = count - before
        elif isinstance(event, yaml.ScalarEvent):
            count += 1
            if event.anchor is not None:
                sizes[event.anchor] = 1


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
