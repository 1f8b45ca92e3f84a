"""Public functions of three or more arguments describe each of them."""

import ast
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "zennas"
DESCRIBED_ONCE = ("register_score", "register_block")
"""What these register shares one signature, which is described where it is defined."""


def functions(node: ast.AST, public: bool = True) -> Iterator[ast.FunctionDef]:
    """Public functions and methods of a file."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef) and public and not child.name.startswith("_"):
            yield child
        elif isinstance(child, ast.ClassDef):
            yield from functions(child, not child.name.startswith("_"))


def arguments(function: ast.FunctionDef) -> list[str]:
    found = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    return [argument.arg for argument in found if argument.arg not in ("self", "cls")]


def registered(function: ast.FunctionDef) -> bool:
    calls = [d.func for d in function.decorator_list if isinstance(d, ast.Call)]
    return any(isinstance(call, ast.Name) and call.id in DESCRIBED_ONCE for call in calls)


def test_every_argument_is_described():
    missing = []
    for path in sorted(PACKAGE.rglob("*.py")):
        # Commands are described by the help of their options.
        if path.parent.name == "cli":
            continue
        for function in functions(ast.parse(path.read_text(encoding="utf-8"))):
            names, text = arguments(function), ast.get_docstring(function) or ""
            if len(names) >= 3 and not registered(function):
                missing += [f"{path.name}: {function.name}: {name}" for name in names if f"{name}: " not in text]
    assert not missing
