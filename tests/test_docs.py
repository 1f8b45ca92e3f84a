"""The documentation's commands and Python are run as they stand, page by page, in the order of the page."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.core import TyperOption
from typer.main import get_command
from typer.testing import CliRunner

from tests.accuracy.learned import csv_of, lawful_networks
from zennas.cli.main import app
from zennas.counting import QUANTITIES
from zennas.spaces import mutation_operators, operators

ROOT = Path(__file__).parent.parent
PAGES = (
    "tutorial",
    "input",
    "microcontroller",
    "own-block",
    "own-layer",
    "own-algorithm",
    "import",
    "dense",
    "resume",
    "report",
    "from-the-original",
    "choosing-a-budget",
    "design",
    "accuracy",
)
FENCE = re.compile(r'^```(sh|python)(?: title="(\S+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)
HERE = "PYTHONPATH=."


def blocks(page):
    """Runs of commands and of Python, in order; neighbouring Python is one program, with a title it is a file."""
    merged = []
    for kind, title, text in FENCE.findall((ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")):
        if title:
            merged.append((title, text))
        elif kind == "python" and merged and merged[-1][0] == "python":
            merged[-1] = (kind, merged[-1][1] + text)
        else:
            merged.append((kind, text))
    return merged


def call(command, cwd):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=300)


def shortened(words):
    """A search with few iterations, a training of one epoch that tries no threads: what is tested is that the command
    works."""
    if words[1] == "search" and "--iterations" not in words:
        return [*words, "--iterations", "300"]
    if words[1] == "train" and "--epochs" in words:
        place = words.index("--epochs") + 1
        words = [*words[:place], "1", *words[place + 1 :]]
    if words[1] in ("train", "design") and not {"--threads", "--resume"} & set(words):
        return [*words, "--threads", "1"]
    return words


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_page(page, tmp_path, monkeypatch):
    for module in ("torch", "plotly", "sklearn"):
        pytest.importorskip(module)
    if page == "dense":
        pytest.importorskip("segmentation_models_pytorch")
    monkeypatch.chdir(tmp_path)
    # A page's operators would take part in the searches of later tests.
    monkeypatch.setattr(operators, "_OPERATORS", mutation_operators())
    monkeypatch.setattr(operators, "_table", None)
    if page == "accuracy":
        csv_of(lawful_networks(24), tmp_path / "trained.csv")
    found = blocks(page)
    assert found
    for kind, text in found:
        if kind.endswith(".py"):
            (tmp_path / kind).write_text(text, encoding="utf-8")
            continue
        if kind == "python":
            result = call([sys.executable, "-c", text], tmp_path)
            assert result.returncode == 0, result.stderr
            continue
        for line in text.strip().splitlines():
            words = shlex.split(line, comments=True)
            if words[0] == HERE:
                monkeypatch.syspath_prepend(tmp_path)
                words = words[1:]
            words = shortened(words)
            assert words[0] == "zennas"
            done = CliRunner().invoke(app, words[1:], catch_exceptions=False)
            assert done.exit_code == 0, f"{line}\n{done.output}"
    if page == "dense":
        for script in ("learn_boxes.py", "segmenter.py"):
            result = call([sys.executable, script], tmp_path)
            assert result.returncode == 0, result.stderr
    if page == "tutorial":
        assert (tmp_path / "runs/digits/report.html").is_file()


SEARCH = re.compile(r"^\s*(zennas search\b.*)$", re.MULTILINE)


def test_searches_that_are_shown_have_the_bound_that_a_search_needs():
    bounds = {f"--{quantity.name.replace('_', '-')}" for quantity in QUANTITIES.values() if quantity.bounds_search}
    shown = 0
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        for command in SEARCH.findall(page.read_text(encoding="utf-8").replace("\\\n", " ")):
            words = set(shlex.split(command, comments=True))
            assert words & (bounds | {"--resume", "--from"}), f"{page.name}: {command}"
            shown += 1
    assert shown > 30


def commands(command, name):
    """A command and all below it, with their full names."""
    yield name, command
    for word, below in getattr(command, "commands", {}).items():
        yield from commands(below, f"{name} {word}")


def test_the_reference_has_every_command_and_option():
    page = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    for name, command in list(commands(get_command(app), "zennas"))[1:]:
        _, heading, section = page.partition(f"`{name}`\n")
        assert heading, f"{name} is missing; run `make commands`"
        section = section.partition("\n## ")[0]
        for parameter in command.params:
            for option in parameter.opts if isinstance(parameter, TyperOption) else ():
                assert option in section, f"{name} {option} is missing; run `make commands`"


def test_the_site_builds_strictly(tmp_path):
    pytest.importorskip("zensical")
    pytest.importorskip("mkdocstrings")
    # It builds beside its configuration, which is a copy here.
    shutil.copy(ROOT / "mkdocs.yml", tmp_path)
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    (tmp_path / "zennas").symlink_to(ROOT / "zennas")
    result = call([sys.executable, "-m", "zensical", "build", "--strict"], tmp_path)
    assert result.returncode == 0, result.stderr
    reference = (tmp_path / "site/api/search/index.html").read_text(encoding="utf-8")
    assert "zennas.runs.api.search" in reference
