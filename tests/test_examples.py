"""Every example runs, as a user starts it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "examples"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "argument", "says"),
    [
        ("frontier.py", "400", "drawn into frontier.html"),
        ("own_block.py", "400", "TwinBtn"),
        ("two_scores.py", "2", "zennet-cifar-2.0M: closed form"),
    ],
)
def test_script(name, argument, says, tmp_path):
    for module in ("torch", "plotly"):
        pytest.importorskip(module)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    result = subprocess.run(
        [sys.executable, str(EXAMPLES / name), argument],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert says in result.stdout


def test_every_script_is_tested():
    assert {p.name for p in EXAMPLES.glob("*.py")} == {"frontier.py", "own_block.py", "two_scores.py"}


@pytest.mark.slow
def test_notebook(tmp_path, monkeypatch):
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    for module in ("ipykernel", "plotly", "pandas"):
        pytest.importorskip(module)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    notebook = nbformat.read(EXAMPLES / "looking_at_a_search.ipynb", as_version=4)
    assert all(not cell.get("outputs") for cell in notebook.cells), "stored without outputs"
    client = nbclient.NotebookClient(notebook, timeout=240, resources={"metadata": {"path": str(tmp_path)}})
    client.execute()
    figures = [
        output
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if "application/vnd.plotly.v1+json" in output.get("data", {})
    ]
    assert len(figures) == 4
    tables = [
        output["data"]["text/html"]
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if cell.source.splitlines()[-1] in ("result.costs", "result.architecture")
        and "text/html" in output.get("data", {})
    ]
    assert len(tables) == 2
    assert "<td>params</td>" in tables[0]
    assert "<th>bottleneck</th>" in tables[1]
