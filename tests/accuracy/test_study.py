"""Studies: readers, rankings, files, and what they say of the scores."""

import csv
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import zennas
from zennas.accuracy.networks import read_networks, table_6_rows
from zennas.accuracy.study import chart, rank, study, write_csv
from zennas.charts import write_html, write_png
from zennas.cli.main import app
from zennas.cli.study_output import study_table
from zennas.errors import DeviceError, ScoreError, ZennasError
from zennas.scores import Score, ScoreSettings, registry

EXCERPT = Path(__file__).parents[1] / "data" / "nas_bench_macro_excerpt.json"
HALF = Path(__file__).parents[3] / "shared" / "data" / "nas_bench_macro_cifar10_half.json"


def test_rank_by_hand() -> None:
    values = np.array([1.0, 2.0, 3.0, np.nan, 4.0])
    accuracy = np.array([10.0, 20.0, 30.0, 99.0, 25.0])
    flops = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    row = rank("x", values, accuracy, flops, (2.0, 5.0))
    # Ranks 1 2 3 4 against 1 2 4 3: ρ = 1 − 6·2 / (4·15); 5 of 6 pairs agree.
    assert row.spearman == pytest.approx(0.8)
    assert row.kendall == pytest.approx(4 / 6)
    assert row.picks == (20.0, 25.0)
    assert (row.top_overlap, row.refused) == (0.0, 1)


def test_the_overlap_is_that_of_the_tenth() -> None:
    accuracy = np.arange(20.0)
    values = accuracy.copy()
    # Of 20 networks two are a tenth: the two of the highest score are the best one and the third.
    values[[17, 18]] = values[[18, 17]]
    assert rank("x", values, accuracy, accuracy, ()).top_overlap == 0.5


def test_equal_scores_are_no_lucky_pick() -> None:
    accuracy = np.array([50.0, 60.0, 70.0])
    row = rank("x", np.ones(3), accuracy, np.ones(3), (1.0,))
    assert row.spearman == 0
    assert row.picks == (60.0,)


def test_of_a_score_that_refuses_all_but_two_the_number_of_refusals_is_known() -> None:
    values = np.array([1.0, np.nan, 2.0, np.inf])
    row = rank("x", values, np.arange(4.0), np.ones(4), (1.0, 2.0))
    assert row.refused == 2
    assert np.isnan([row.spearman, row.kendall, row.top_overlap, *row.picks]).all()
    assert len(row.picks) == 2


@pytest.fixture
def picky() -> Iterator[str]:
    """The name of a score that refuses networks with fewer params than 1 M, one by one and in a batch."""

    def one(network: zennas.Architecture, resolution: int, settings: ScoreSettings) -> Score:
        params = zennas.costs(network, resolution, settings.num_classes).params
        if params < 1_000_000:
            raise ScoreError("too small")
        return Score(float(params), 0, (0, 0), 0.0)

    def many(
        networks: Sequence[tuple[zennas.SuperBlock, ...]], resolution: int, settings: ScoreSettings
    ) -> list[float]:
        return [one(zennas.Architecture(blocks), resolution, settings).score for blocks in networks]

    registry.register_score("picky", many=many)(one)
    yield "picky"
    del registry._SCORES["picky"]


ZOO = ("zennet-cifar-0.5M", "zennet-cifar-1.0M", "zennet-cifar-2.0M", "zennet-iccv-0.1ms", "zennet-iccv-0.2ms")


@pytest.fixture
def zoo_study(tmp_path: Path) -> Path:
    path = tmp_path / "zoo.csv"
    rows = [f"{name},64,{90 + number}\n" for number, name in enumerate(ZOO)]
    path.write_text("model,resolution,accuracy\n" + "".join(rows))
    return path


def test_networks_that_a_score_refuses_are_counted(picky: str, zoo_study: Path) -> None:
    row = study(read_networks(str(zoo_study)), [picky]).rankings[0]
    assert row.refused == 2
    assert np.isfinite(row.values).tolist() == [False, False, True, True, True]
    assert row.spearman == 1


def test_networks_of_a_study_count_their_own_classes(zoo_study: Path) -> None:
    result = study(read_networks(str(zoo_study)), ["params"])
    expected = [zennas.costs(zennas.load(name)).params for name in ZOO]
    assert [network.params for network in result.networks] == expected
    assert result.rankings[0].values.tolist() == expected


TIMM = "model,resolution,accuracy\n" + "".join(
    f"timm:{name},64,{accuracy}\n"
    for name, accuracy in (("resnet10t", 66), ("resnet18", 70), ("resnet26", 75), ("resnet34", 74))
)


def test_a_score_that_refuses_all_networks_is_a_row_of_blanks(tmp_path: Path) -> None:
    # `layers` is defined for architectures alone.
    path = tmp_path / "timm.csv"
    path.write_text(TIMM)
    command = ["study", str(path), "--score", "layers,params", "--out", str(tmp_path)]
    done = CliRunner().invoke(app, [*command, "--json"], catch_exceptions=False)
    refusing, params = json.loads(done.stdout, parse_constant=pytest.fail)["scores"]
    assert (refusing["score"], refusing["refused"]) == ("layers", 4)
    assert [refusing[key] for key in ("spearman", "kendall", "top_overlap")] == [None] * 3
    assert refusing["picks"] == [None] * 4
    assert params["spearman"] > 0
    rows = list(csv.DictReader((tmp_path / "study.csv").read_text().splitlines()))
    assert [row["layers"] for row in rows] == [""] * 4
    assert "refused 4 of 4" in (tmp_path / "study.html").read_text()
    assert (tmp_path / "study.png").is_file()

    shown = CliRunner().invoke(app, command, catch_exceptions=False).stdout.splitlines()
    lines = [line for line in shown if line.startswith(("params", "layers"))]
    assert [line.split()[0] for line in lines] == ["params", "layers"]
    cells = [cell.strip() for cell in lines[1].split("│")]
    assert cells[1:8] == [""] * 7
    assert cells[-1] == "4"


def test_a_device_that_is_not_there_is_told_before_anything_is_scored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zennas.accuracy.study.score_networks", lambda *_: pytest.fail("scored"))
    with pytest.raises(DeviceError, match="'nosuch' cannot be used"):
        study(read_networks(str(EXCERPT)), ["flops", "zen"], ScoreSettings(device="nosuch"))


def test_a_study_without_a_score_is_refused() -> None:
    with pytest.raises(ZennasError, match="needs a score"):
        study(read_networks(str(EXCERPT)), [])


def test_file_is_short_for_run_file() -> None:
    options = ["--score", "zen-weighted,flops", "--sample", "9", "--seed", "3", "--json"]
    documents = []
    for words in (
        ["study", str(EXCERPT), *options],
        ["study", *options, str(EXCERPT)],
        ["study", "run", str(EXCERPT), *options],
    ):
        document = json.loads(CliRunner().invoke(app, words, catch_exceptions=False).stdout)
        for row in document["scores"]:
            del row["seconds"]
        documents.append(document)
    assert documents[0] == documents[1] == documents[2]
    assert documents[0]["networks"] == 9


def test_zen_weighted_ranks_over_flops_and_plain_zen() -> None:
    result = study(read_networks(str(EXCERPT)), ["zen-weighted", "meanfield", "flops"])
    weighted, plain, flops = (r.spearman for r in result.rankings)
    assert weighted > 0.9
    assert weighted > flops > 0
    assert weighted > plain > 0


@pytest.mark.parametrize(
    ("name", "spearman", "within"),
    [
        ("nas_bench_macro_cifar10_half", 0.95, 0.9),
        ("channel_bench_macro_resnet_half", 0.92, 0.6),
        ("channel_bench_macro_mobilenet_200", 0.85, 0.6),
    ],
)
def test_zen_weighted_on_whole_benchmarks(name: str, spearman: float, within: float) -> None:
    path = HALF.with_name(f"{name}.json")
    if not path.is_file():
        pytest.skip("the benchmark is not beside this checkout")
    weighted, flops, params = study(read_networks(str(path)), ["zen-weighted", "flops", "params"]).rankings
    assert weighted.spearman >= spearman > max(flops.spearman, params.spearman)
    assert weighted.within_flops >= within
    assert weighted.regret <= flops.regret


@pytest.mark.slow
def test_table_6() -> None:
    known = read_networks("table6")
    assert len(known.networks) == 30
    assert len(known.networks) + len(known.left_out) == len(table_6_rows())
    assert any(line.startswith("DenseNet-121") and "concatenation" in line for line in known.left_out)
    published = {row["model"]: float(row["flops_M"]) for row in table_6_rows()}
    for network in known.networks:
        assert network.flops / 1e6 == pytest.approx(published[network.name], rel=0.14), network.name
    result = study(known, ["zen-weighted", "flops", "params"])
    assert dict(result.recipes) == {"published": 22, "480 epochs with a teacher": 8}
    weighted, flops, params = result.rankings
    assert weighted.spearman > max(flops.spearman, params.spearman)
    assert weighted.regret < flops.regret


def test_a_users_csv_with_a_users_score(tmp_path: Path) -> None:
    table = tmp_path / "mine.csv"
    table.write_text(
        "model,resolution,accuracy\n"
        "zennet-cifar-0.5M,32,96.2\nzennet-cifar-2.0M,32,97.5\ntorchvision:resnet18,32,93\ntorchvision:vgg11,32,92\n"
    )
    registry.register_score("width", takes_modules=True, replace_existing=True)(
        lambda network, resolution, settings: (
            Score(float(network.params), 0, (0, 0), 0.0) if hasattr(network, "params") else Score(1.0, 0, (0, 0), 0.0)
        )
    )
    try:
        known = read_networks(str(table))
        assert [n.name for n in known.networks] == ["zennet-cifar-0.5M", "zennet-cifar-2.0M", "torchvision:resnet18"]
        assert "no batch norm" in known.left_out[0]
        result = study(known, ["width", "params"])
        assert result.rankings[0].values.tolist() == [1.0, 1.0, 11689512.0]
    finally:
        del registry._SCORES["width"]


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("a.json", "{", "not JSON"),
        ("a.json", "[]", "expected a mapping"),
        ("a.json", '{"00000000": {"params": 1}}', "mean_acc is missing"),
        ("a.json", '{"00000000": {"mean_acc": 1, "params": 1}}', "params is 1, but the network has"),
        ("a.json", '{"xx": {"mean_acc": 1}}', "eight digits"),
        ("a.json", "[" * 100_000, "too many brackets"),
        ("a.json", '{"00000000": {"mean_acc": 1' + "0" * 5000 + "}}", "whole number of 5001 characters"),
        ("a.json", '{"00000000": {"mean_acc": 1e400}}', "accuracy of inf"),
        ("a.json", '{"00000000": {"mean_acc": NaN}}', "accuracy of nan"),
        ("a.json", '{"' + "0" * 5000 + '": {}}', "eight digits"),
        ("a.csv", "model,resolution\nx,1\n", "row 1: no accuracy"),
        ("a.csv", "model,resolution,accuracy\n" + "x" * 200_000 + ",32,1\n", "field larger than field limit"),
        (
            "a.csv",
            "model,resolution,accuracy\nzennet-cifar-0.5M,1" + "0" * 90 + ",1\n",
            "is no size; write it like 224",
        ),
        ("a.csv", "model,resolution,accuracy\nzennet-cifar-0.5M,32,nan\n", "accuracy of nan"),
        ("a.csv", "model,resolution,accuracy\nx,big,1\n", "'big' is no size"),
        ("a.csv", "model,resolution,accuracy\nno-such-net,32,1\n", "no network of it"),
        ("a.txt", "", "not a study"),
    ],
)
def test_wrong_files_say_what_is_wrong(tmp_path: Path, name: str, text: str, reason: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(ZennasError, match=reason) as error:
        read_networks(str(path))
    assert len(str(error.value)) < 700


def test_costly_scores_on_a_sample() -> None:
    settings = ScoreSettings(batch_size=4, repeats=2)
    one = study(read_networks(str(EXCERPT)), ["naswot", "flops"], settings, sample=5, seed=1)
    again = study(read_networks(str(EXCERPT)), ["naswot"], settings, sample=5, seed=1)
    assert len(one.networks) == 5
    assert np.array_equal(one.rankings[0].values, again.rankings[0].values)
    assert one.rankings[0].refused == 0


def test_files_of_a_study(tmp_path: Path) -> None:
    result = study(read_networks(str(EXCERPT)), ["flops", "zen-weighted"])
    write_csv(result, tmp_path / "s.csv")
    rows = list(csv.DictReader((tmp_path / "s.csv").read_text().splitlines()))
    assert [float(row["zen-weighted"]) for row in rows] == result.rankings[1].values.tolist()
    assert [int(row["flops"]) for row in rows] == [n.flops for n in result.networks]
    write_png(chart(result), tmp_path / "s.png")
    assert (tmp_path / "s.png").read_bytes()[:4] == b"\x89PNG"
    write_html(chart(result), tmp_path / "s.html")
    assert result.networks[0].name in (tmp_path / "s.html").read_text()


def test_command() -> None:
    outcome = CliRunner().invoke(app, ["study", str(EXCERPT), "--score", "zen-weighted,flops", "--json"])
    document = json.loads(outcome.stdout)
    assert document["networks"] == 48
    assert [row["score"] for row in document["scores"]] == ["zen-weighted", "flops"]
    shown = CliRunner().invoke(app, ["study", str(EXCERPT)])
    assert "the best there is" in shown.stdout


def test_the_table_has_the_best_score_first_and_what_is_unknown_last() -> None:
    result = study(read_networks(str(EXCERPT)), ["random", "flops", "zen-weighted"])
    unknown = replace(result.rankings[0], score="unknown", spearman=math.nan)
    table = study_table(replace(result, rankings=(unknown, *result.rankings)))
    ranked = sorted(result.rankings, key=lambda ranking: -ranking.spearman)
    assert list(table.columns[0].cells) == [*(r.score for r in ranked), "unknown", "the best there is"]


def test_the_seed_of_the_command_draws_the_sample() -> None:
    def flops_budgets(seed: int) -> list[float]:
        arguments = ["study", str(EXCERPT), "--score", "flops", "--sample", "6", "--seed", str(seed), "--json"]
        budgets: list[float] = json.loads(CliRunner().invoke(app, arguments).stdout)["budgets"]
        return budgets

    known = read_networks(str(EXCERPT))
    for seed in (0, 5):
        assert flops_budgets(seed) == list(study(known, ["flops"], sample=6, seed=seed).budgets)
    assert flops_budgets(0) != flops_budgets(5)


def test_zen_weighted_in_a_search_keeps_depth_at_every_scale() -> None:
    # After 3,000 iterations a search is still on its way: some seeds have one layer at a scale that end with eleven.
    result = zennas.search(
        "mobilenet", 224, 1000, score="zen-weighted", flops="400M", layers="30", iterations=12_000, rescore=0, seed=1
    )
    sides: dict[int, int] = {}
    for block, row in zip(
        result.architecture.super_blocks, zennas.counting.super_block_costs(result.architecture, 224), strict=True
    ):
        sides[row.out_resolution] = sides.get(row.out_resolution, 0) + block.layers
    deep = [layers for side, layers in sides.items() if side <= 56]
    assert min(deep) >= 2
    assert max(deep) <= 0.6 * sum(deep)
    assert math.isfinite(result.score)


def test_zen_weighted_designs_no_deep_and_narrow_network_without_a_bound_on_depth() -> None:
    searched = {"score": "zen-weighted", "flops": "160M", "iterations": 8000, "rescore": 0, "seed": 1}
    winner = zennas.search("resnet", 32, 100, **searched)
    first = zennas.search("resnet", 32, 100, **{**searched, "score": "zen-weighted-1"})
    assert winner.costs.layers <= 24 < first.costs.layers
    widths: dict[int, int] = {}
    for block, row in zip(
        winner.architecture.super_blocks, zennas.counting.super_block_costs(winner.architecture, 32), strict=True
    ):
        widths[row.out_resolution] = block.out_channels
    # Wider as the maps get smaller, as engineers' networks are.
    assert list(widths.values()) == sorted(widths.values())
    assert widths[32] >= 24


@pytest.fixture
def by_recipe(tmp_path: Path) -> Path:
    """Two recipes, of which the second trains every network better, and a third with too few networks."""
    path = tmp_path / "recipes.csv"
    rows = [f"{name},64,{accuracy},{recipe}\n" for recipe, better in (("old", 0), ("new", 8)) for name, accuracy in
            zip(ZOO, (90 + better, 92 + better, 91 + better, 94 + better, 95 + better), strict=True)]  # fmt: skip
    path.write_text("model,resolution,accuracy,recipe\n" + "".join(rows) + f"{ZOO[0]},64,99,rare\n")
    return path


def test_networks_of_different_recipes_are_ranked_apart(by_recipe: Path, tmp_path: Path) -> None:
    result = study(read_networks(str(by_recipe)), ["params"])
    assert result.recipes == (("old", 5), ("new", 5))
    assert result.left_out == ("recipe rare: fewer than three networks rank nothing (1)",)
    alone = tmp_path / "alone.csv"
    alone.write_text("".join(line for line in by_recipe.read_text().splitlines(keepends=True) if "new" not in line[-5:]
                             and "rare" not in line))  # fmt: skip
    one = study(read_networks(str(alone)), ["params"])
    assert result.rankings[0].spearman == pytest.approx(one.rankings[0].spearman)
    assert result.rankings[0].kendall == pytest.approx(one.rankings[0].kendall)
    assert result.rankings[0].regret == pytest.approx(one.rankings[0].regret)
    # A pick is the mean over the recipes, each under budgets of its own.
    assert result.rankings[0].picks == pytest.approx([pick + 4 for pick in one.rankings[0].picks])
    assert result.best == pytest.approx([best + 4 for best in one.best])
    assert len(result.rankings[0].values) == 10


def test_a_file_of_recipes_with_too_few_networks_each_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "few.csv"
    rows = "".join(f"{name},64,{90 + i},recipe{i}\n" for i, name in enumerate(ZOO))
    path.write_text("model,resolution,accuracy,recipe\n" + rows)
    with pytest.raises(ZennasError, match="no recipe has three networks or more"):
        study(read_networks(str(path)), ["params"])


def test_several_files_end_in_one_table(by_recipe: Path, tmp_path: Path) -> None:
    channels = EXCERPT.with_name("channel_bench_macro_resnet_excerpt.json")
    command = [
        "study",
        str(EXCERPT),
        str(channels),
        str(by_recipe),
        "--score",
        "zen-weighted,flops",
        "--bootstrap",
        "20",
    ]
    shown = CliRunner().invoke(app, [*command, "--out", str(tmp_path / "out")], catch_exceptions=False).stdout
    for text in ("NAS-Bench-Macro", "Channel-Bench-Macro", "recipes.csv", "noise ceiling", "one training", "2 recipes"):
        assert text in shown
    folders = {path.parent.name for path in (tmp_path / "out").glob("*/study.csv")}
    assert folders == {"nas_bench_macro_excerpt", "channel_bench_macro_resnet_excerpt", "recipes"}

    document = json.loads(CliRunner().invoke(app, [*command, "--json"]).stdout, parse_constant=pytest.fail)
    macro, channel, recipes = document["files"]
    assert (macro["file"], macro["networks"], macro["ceiling"]) == (str(EXCERPT), 48, None)
    assert channel["title"].startswith("Channel-Bench-Macro ResNet")
    assert recipes["recipes"] == {"old": 5, "new": 5}
    known = study(read_networks(str(channels)), ["zen-weighted", "flops"], resamples=20)
    for ranking in known.rankings:
        row = channel["scores"][ranking.score]
        assert row["spearman"] == ranking.spearman
        assert (row["low"]["regret"], row["high"]["kendall"]) == (ranking.low.regret, ranking.high.kendall)
        assert row["low"]["spearman"] < row["spearman"] < row["high"]["spearman"]
    assert channel["scores"]["flops"]["share"] == pytest.approx(0, abs=1e-9)
    assert 0 < channel["scores"]["zen-weighted"]["share"] < 1
    assert channel["ceiling"]["runs"] == 3
    assert recipes["scores"]["flops"]["within_flops"] is None


def test_one_file_has_the_keys_of_before_and_its_entry_among_the_files() -> None:
    document = json.loads(CliRunner().invoke(app, ["study", str(EXCERPT), "--score", "flops", "--json"]).stdout)
    (entry,) = document["files"]
    assert entry["scores"]["flops"]["spearman"] == document["scores"][0]["spearman"]
    assert entry["scores"]["flops"]["low"]["spearman"] is None
    with_limits = ["study", str(EXCERPT), "--score", "flops", "--bootstrap", "20", "--json"]
    (entry,) = json.loads(CliRunner().invoke(app, with_limits).stdout)["files"]
    assert entry["scores"]["flops"]["low"]["spearman"] < entry["scores"]["flops"]["spearman"]
