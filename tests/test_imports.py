"""Imports go one way, from the command line down to the errors; those inside functions and for type checkers count."""

import ast
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "zennas"
ROOMS = (
    "errors",
    "input_size",
    "units",
    "number_types",
    "layouts",
    "threads",
    "optional_dependencies",
    "compiled",
    "fork_server",
    "allocator",
    "memory",
    "io",
    "charts",
    "architecture",
    "blocks",
    "counting",
    "nn",
    "zoo",
    "loading",
    "scores",
    "spaces",
    "searching",
    "train",
    "export",
    "latency",
    "runs",
    "accuracy",
    "designing",
    "report",
    "paper",
    "cli",
)
"""From the lowest to the highest: a room knows those before it."""


def modules() -> dict[str, Path]:
    """Every module of the package by its dotted name."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imported(path: Path, known: dict[str, Path]) -> Iterator[str]:
    """Modules of the package that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "zennas":
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in known else node.module


def room(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def test_every_room_is_in_the_list():
    found = {room(module) for module in modules()} - {"", "__main__"}
    assert found == set(ROOMS)


def test_a_room_imports_only_from_those_below_it():
    known = modules()
    wrong = [
        f"{module} → {other}"
        for module, path in known.items()
        if room(module) in ROOMS
        for other in imported(path, known)
        if room(other) in ROOMS and ROOMS.index(room(other)) > ROOMS.index(room(module))
    ]
    assert not wrong


def test_no_files_import_each_other_in_a_circle():
    known = modules()
    arrows = {module: set(imported(path, known)) - {module} for module, path in known.items()}
    open_, done = [], set()

    def visit(module: str) -> None:
        assert module not in open_, " → ".join([*open_[open_.index(module) :], module])
        if module in done or module == "zennas":  # the package's own names, imported on first use
            return
        open_.append(module)
        for other in sorted(arrows[module]):
            visit(other)
        open_.pop()
        done.add(module)

    for module in sorted(known):
        visit(module)
