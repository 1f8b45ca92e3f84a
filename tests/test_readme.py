"""The README's Python is run as it stands."""

import re
from pathlib import Path

import zennas
from zennas.blocks import registry

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


def test_python_examples_run(monkeypatch, capsys):
    full = zennas.search
    monkeypatch.setattr(zennas, "search", lambda *a, **k: full(*a, **{**k, "iterations": 300, "rescore": 0}))
    names: dict[str, object] = {}
    examples = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    try:
        for example in examples:
            exec(compile(example, "README.md", "exec"), names)
    finally:
        registry._BLOCK_TYPES.pop("TwoByTwo", None)
    assert len(examples) >= 2
    assert "Costs(params=" in capsys.readouterr().out
