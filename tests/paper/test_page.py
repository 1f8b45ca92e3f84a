"""docs/reproduction.md says what the code says today; what Monte Carlo drew is kept beside it."""

import json
import math
import re
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from zennas.cli.main import app
from zennas.errors import FileError
from zennas.paper import ENTRIES, reproduce
from zennas.paper.drawn import Drawn
from zennas.paper.report import markdown, sections_of
from zennas.paper.settings import ReproductionSettings
from zennas.scores.result import score_from_repeats

DOCS = Path(__file__).parents[2] / "docs"
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[+-]\d+)?")


def differences(page: str, now: str) -> list[str]:
    """Lines that differ by more than one unit of a number's last digit: processors round differently."""

    def same(printed: str, computed: str) -> bool:
        digits, _, exponent = printed.partition("e")
        unit = 10.0 ** (int(exponent or 0) - len(digits.partition(".")[2]))
        return abs(float(printed) - float(computed)) < 1.5 * unit

    found = []
    before, after = page.strip().splitlines(), now.strip().splitlines()
    for old, new in zip(before, after, strict=False):
        numbers = NUMBER.findall(old), NUMBER.findall(new)
        if NUMBER.sub("#", old) != NUMBER.sub("#", new) or not all(map(same, *numbers)):
            found.append(f"{old}  →  {new}")
    return found + ([f"{len(before)} lines, {len(after)} now"] if len(before) != len(after) else [])


def test_differences_are_seen() -> None:
    assert not differences("| a | 59.52 | +0.01% |", "| a | 59.53 | +0.02% |")
    assert differences("| a | 59.52 |", "| a | 59.54 |")
    assert differences("| a | 1.814e+09 |", "| a | 1.817e+09 |")
    assert differences("| a | 59.52 |", "| b | 59.52 |")
    assert differences("| a |", "| a |\n| b |")


@pytest.mark.slow
def test_the_page_is_what_the_code_computes() -> None:
    for module in ("scipy", "timm"):
        pytest.importorskip(module)
    page = sections_of((DOCS / "reproduction.md").read_text(encoding="utf-8"))
    assert list(page) == list(ENTRIES)
    drawn = Drawn(DOCS / "reproduction" / "monte-carlo.json")
    drawn.path = None
    for name in ENTRIES:
        result = reproduce(name, ReproductionSettings(drawn=drawn))
        picture = f"reproduction/{name}.png" if result.chart is not None else ""
        assert differences(page[name], markdown(result, picture)) == [], "zennas reproduce all --out docs"
    assert drawn.new == 0, "Monte Carlo numbers of the page that are not kept"
    assert drawn.taken == len(drawn.values)


def test_what_is_kept_is_not_drawn_again(tmp_path: Path) -> None:
    path = tmp_path / "kept.json"
    first = Drawn(path)
    assert first.numbers("Φ of P", lambda: [1.5, math.nan])[0] == 1.5
    score = first.score("zen of Q", lambda: score_from_repeats("zen", [3.0, 4.0], 7.5))

    def fail():
        raise AssertionError

    second = Drawn(path)
    kept = second.numbers("Φ of P", fail)
    assert kept[0] == 1.5
    assert math.isnan(kept[1])
    assert second.score("zen of Q", fail) == score
    assert (second.taken, second.new) == (2, 0)
    assert Drawn(path, again=True).numbers("Φ of P", lambda: [2.5]) == [2.5]


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "kept.json"
    for content in (
        "[]",
        '{"a": 1}',
        '{"a": {"values": ["x"], "seconds": 1}}',
        '{"a": {"values": [1], "seconds": "x"}}',
    ):
        path.write_text(content)
        with pytest.raises(FileError, match="no Monte Carlo numbers"):
            Drawn(path)


def test_named_sections_are_replaced_and_the_others_stay(tmp_path: Path) -> None:
    shutil.copy(DOCS / "reproduction.md", tmp_path)
    page = tmp_path / "reproduction.md"
    page.write_text(page.read_text().replace("| ResNet-50: top-1 of He et al. [%] | 77.4", "| ResNet-50: 12.3"))
    page.write_text(page.read_text().replace("Counted with 1,000 classes.", "Counted by hand."))
    before = page.read_text()
    outcome = CliRunner().invoke(app, ["reproduce", "table5", "--out", str(tmp_path)])
    assert outcome.exit_code == 0, outcome.output
    after = page.read_text()
    assert after == before.replace("| ResNet-50: 12.3", "| ResNet-50: top-1 of He et al. [%] | 77.4")


def test_an_interrupted_command_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from zennas.paper import depth_and_width

    monkeypatch.setattr(depth_and_width, "DEPTHS", (1, 2))
    monkeypatch.setattr(depth_and_width, "BOTTLENECKS", (2, 4))
    full, calls = depth_and_width._drawn_scores, []

    def twice(chain, settings):
        calls.append(chain)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return full(chain, settings)

    monkeypatch.setattr(depth_and_width, "_drawn_scores", twice)
    command = ["reproduce", "figure1", "--batch-size", "2", "--out", str(tmp_path)]
    assert CliRunner().invoke(app, command).exit_code != 0
    assert len(json.loads((tmp_path / "reproduction" / "monte-carlo.json").read_text())) == 2
    outcome = CliRunner().invoke(app, command)
    assert outcome.exit_code == 0, outcome.output
    # The third was interrupted and is drawn again; the first two are not.
    assert len(calls) == 3 + 2
    assert "2 Monte Carlo numbers were there already" in " ".join(outcome.output.split())


def test_what_is_drawn_again_leaves_the_other_numbers(tmp_path: Path) -> None:
    path = tmp_path / "kept.json"
    first = Drawn(path)
    first.numbers("one", lambda: [1.0])
    first.numbers("other", lambda: [2.0])
    again = Drawn(path, again=True)
    assert again.numbers("one", lambda: [3.0]) == [3.0]
    assert again.numbers("one", lambda: [4.0]) == [3.0], "drawn once"
    kept = Drawn(path)
    assert kept.numbers("other", lambda: [5.0]) == [2.0]
    assert (kept.taken, kept.new) == (1, 0)
