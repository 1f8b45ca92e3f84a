"""The command as users call it: real processes."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace

import pytest
from typer.testing import CliRunner

import zennas
from zennas.architecture.files import write_architecture
from zennas.cli.main import app


def run(*arguments, cwd=None):
    return subprocess.run(
        [sys.executable, "-m", "zennas.cli.main", *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=cwd,
        timeout=300,
    )


def test_info_json():
    out = json.loads(run("info", "zennet-cifar-1.0M", "--classes", 100, "--json").stdout)
    costs = zennas.costs(zennas.load("zennet-cifar-1.0M"), 32, 100)
    assert {k: out[k] for k in ("params", "flops", "layers", "convolutions", "memory")} == {
        "params": costs.params,
        "flops": costs.flops,
        "layers": costs.layers,
        "convolutions": costs.convolutions,
        "memory": costs.memory,
    }
    assert len(out["super_blocks"]) == 8


def test_score_json():
    result = run(
        "score", "SuperConvK3BNRELU(3,16,1,2)", "--resolution", 16, "--repeats", 3, "--batch-size", 8, "--json"
    )
    out = json.loads(result.stdout)
    assert {"score", "std_error", "ci95", "seconds"} <= set(out)
    assert out["ci95"][0] < out["score"] < out["ci95"][1]
    one = run("score", "SuperConvK3BNRELU(3,16,1,2)", "--resolution", 16, "--repeats", 1, "--batch-size", 8, "--json")
    assert json.loads(one.stdout)["std_error"] is None


def test_every_setting_of_a_score_reaches_it():
    network = "SuperConvK3BNRELU(3,16,1,2)"
    options = ["--resolution", "16", "--repeats", "2", "--batch-size", "5", "--seed", "7", "--json"]
    out = json.loads(CliRunner().invoke(app, ["score", network, *options]).stdout)
    expected = zennas.zen_score(zennas.load(network), 16, batch_size=5, repeats=2, seed=7)
    assert tuple(out["repeats"]) == expected.repeats


def test_zoo_at_another_input():
    networks = json.loads(run("zoo", "--resolution", "96x64", "--channels", 1, "--classes", 2, "--json").stdout)
    counted = json.loads(
        run("info", "zennet-imagenet-0.1ms", "--resolution", "96x64", "--channels", 1, "--classes", 2, "--json").stdout
    )
    listed = next(network for network in networks if network["name"] == "zennet-imagenet-0.1ms")
    assert {name: listed[name] for name in ("resolution", "params", "flops")} == {
        name: counted[name] for name in ("resolution", "params", "flops")
    }
    assert listed["num_classes"] == 2


def test_zoo_json():
    networks = json.loads(run("zoo", "--json").stdout)
    assert len(networks) == 19
    assert {n["name"]: n["params"] for n in networks}["zennet-cifar-2.0M"] == 1_981_810


def test_search_prints_the_network_and_writes_it(tmp_path):
    result = run("search", "--params", "200k", "--iterations", 500, "--rescore", 0, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    for word in ("bottleneck", "multiply-adds", "≤ 200k", "zen-weighted", "runs/search-1/best.yaml"):
        assert word in result.stdout
    again = run("info", tmp_path / "runs/search-1/best.yaml", "--json")
    assert json.loads(again.stdout)["params"] <= 200_000
    second = run("search", "--params", "200k", "--iterations", 100, "--rescore", 0, cwd=tmp_path)
    assert "runs/search-2" in second.stdout


def test_all_of_a_run_that_has_ended_is_in_its_database(tmp_path):
    assert run("search", "--params", "200k", "--iterations", 300, "--out", "whole", cwd=tmp_path).returncode == 0
    copied = tmp_path / "copied"
    copied.mkdir()
    for name in ("run.db", "config.yaml"):
        shutil.copy(tmp_path / "whole" / name, copied)
    whole, copy = (list(zennas.read_run(tmp_path / name).candidates()) for name in ("whole", "copied"))
    assert len(whole) > 100
    assert copy == whole


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["info", "zenet-cifar-1.0M"], "did you mean"),
        (["info", "missing.yaml"], "missing.yaml: cannot be read"),
        (["info", "SuperConvK3BNRELU(3,16,3,1)", "--resolution", "32"], "stride 3"),
        (["info", "SuperConvK3BNRELU(3,16,1,1)"], "--resolution"),
        (["info", "Nope[k3](3,16,1,1,1)", "--resolution", "32"], "unknown block type 'Nope'"),
        (["score", "zennet-cifar-1.0M", "--resolution", "4", "--repeats", "1"], "too small"),
        (["score", "zennet-cifar-1.0M", "--score", "zenn"], "did you mean zen"),
        (["search", "--params", "1X"], "'1X' is not a count"),
        (["search", "--params", "10"], "no network of the resnet space"),
        (["search", "--params", "1M", "--resolution", "4"], "resolution 4 is too small"),
        (["search"], "needs an upper bound"),
        (["search", "--time-limit", "5"], "--time-limit"),
        (["search", "--resume", "nowhere"], "no run here"),
        (["search", "--params", ","], "params: no budget is given"),
        (["search", "--params", "1M", "--pareto", "params,latency"], "without a latency budget no latency is known"),
        (["search", "--params", "1M", "--score", "meanfield", "--device", "nosuch"], "device 'nosuch' cannot be used"),
        (["search", "--params", "1M", "--out", "a" * 300], "File name too long"),
        (["search", "--resume", "a" * 300], "File name too long"),
        (["info", "a" * 300 + ".yaml"], "File name too long"),
        (["runs", "a" * 300], "File name too long"),
        (["score", "zennet-cifar-0.5M", "--score", "zen", "--device", "nosuch"], "device 'nosuch' cannot be used"),
        (["compare", "zennet-cifar-0.5M", "--score", "gradnorm", "--device", "nosuch"], "device 'nosuch' cannot be"),
        (["compare", "zennet-cifar-0.5M", "--resolution", "4"], "the strides need a resolution of at least 5"),
        (["study", "table6", "--score", ","], "needs a score"),
    ],
)
def test_bad_input_gets_one_line_and_exit_code_2(arguments, says, tmp_path):
    result = run(*arguments, cwd=tmp_path)
    assert result.returncode == 2
    assert says in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert result.stderr.startswith("zennas: ")
    assert list(tmp_path.iterdir()) == []


def test_a_truncated_file_gets_one_line(tmp_path):
    path = tmp_path / "net.yaml"
    path.write_text("super_blocks:\n- {block: Conv, kernel: 3, in: 3, o")
    result = run("info", path)
    assert result.returncode == 2
    assert "net.yaml, line 3" in result.stderr


@pytest.mark.parametrize("command", [[], ["search"], ["score"], ["info"], ["zoo"]])
def test_help_teaches(command):
    result = run(*command, "--help")
    assert result.returncode == 0
    assert "zennas" in result.stdout
    if command in (["search"], ["score"], ["info"]):
        assert "Examples" in result.stdout


def test_a_cost_as_a_score_counts_the_networks_own_classes(tmp_path):
    path = tmp_path / "net.yaml"
    write_architecture(replace(zennas.load("zennet-cifar-1.0M"), num_classes=10), path)
    score = json.loads(run("score", path, "--score", "params", "--json").stdout)
    info = json.loads(run("info", path, "--json").stdout)
    compared = json.loads(run("compare", path, "--score", "params", "--json").stdout)[0]
    assert score["score"] == info["params"] == compared["params"] == compared["score"]["score"] == 994_674


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("search", "--resume", "runs/a", "--out", "runs/b"), "leave out --out"),
        (("latency-predictor", "fit", "--out", "."), "is no name of a file"),
        (("study", "a/nets.csv", "b/nets.csv", "--out", "s"), "would both be written to s/nets"),
    ],
)
def test_what_would_be_ignored_or_lost_is_refused(arguments, says, tmp_path):
    done = run(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert says in done.stderr


def test_what_cannot_be_drawn_of_a_module_is_refused(tmp_path):
    pytest.importorskip("torchvision")
    done = run("info", "torchvision:resnet18", "--resolution", 64, "--image", "n.svg", "--plot", cwd=tmp_path)
    assert done.returncode == 2
    assert "--image, --plot" in done.stderr
