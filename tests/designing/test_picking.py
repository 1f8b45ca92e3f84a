import json

import numpy as np
import pytest
from typer.testing import CliRunner

import zennas
from zennas.cli.main import app
from zennas.designing.distance import distance
from zennas.errors import ZennasError
from zennas.scores.learned.model import Predicted


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    out = tmp_path_factory.mktemp("winners") / "run"
    zennas.search("resnet", 16, 10, params="100k", iterations=2000, rescore=0, out=out)
    return out


def test_the_best_comes_first_and_all_are_apart_and_within_the_budget(run):
    result = zennas.read_run(run)
    picks = zennas.winners(run, 6)
    assert len(picks) == 6
    assert picks[0].score == result.score
    blocks = [pick.architecture.super_blocks for pick in picks]
    assert all(distance(a, b) >= 3 for n, a in enumerate(blocks) for b in blocks[:n])
    for pick in picks:
        assert pick.costs == zennas.costs(pick.architecture)
        assert pick.costs.params <= 100_000
    assert [pick.architecture for pick in zennas.winners(result, 6)] == [pick.architecture for pick in picks]


def test_files_json_and_table(run, tmp_path):
    done = CliRunner().invoke(app, ["winners", str(run), "--count", "3", "--out", str(tmp_path / "w")])
    assert done.exit_code == 0, done.output
    printed = json.loads(CliRunner().invoke(app, ["winners", str(run), "--count", "3", "--json"]).output)["winners"]
    for number, values in enumerate(printed, start=1):
        network = zennas.load(str(tmp_path / "w" / f"winner-{number}.yaml"))
        assert zennas.format_structure(network) == values["structure"]
        assert (network.resolution, network.num_classes) == (16, 10)
    assert printed[0]["nearest"] is None
    assert len((tmp_path / "w" / "winners.csv").read_text().splitlines()) == 4
    assert not (run / "winners").exists()


class Fancies:
    """Stands for an accuracy model that likes few parameters, and knows all networks equally well."""

    def predicted(self, networks, resolution, num_classes):
        sizes = np.array([zennas.costs(network, resolution, num_classes).params for network in networks])
        return Predicted(90 - sizes / 1e4, np.ones(len(sizes)), np.zeros(len(sizes)))


def test_a_model_chooses_by_expected_improvement(run):
    picks = zennas.winners(run, 4, model=Fancies(), best=85)
    values = [pick.improvement for pick in picks]
    assert values == sorted(values, reverse=True)
    assert picks[0].predicted == max(pick.predicted for pick in picks)
    assert picks[0].costs.params < zennas.winners(run, 1)[0].costs.params


def test_wrong_numbers(run):
    with pytest.raises(ZennasError, match="0 winners cannot be chosen"):
        zennas.winners(run, 0)
    with pytest.raises(ZennasError, match="a distance of -1 layers is not allowed"):
        zennas.winners(run, apart=-1)
    with pytest.raises(ZennasError, match="no run here"):
        zennas.winners("nowhere")
