"""Thousands of damaged, torn and malicious inputs for every reader of what users hand in.

Whatever is in a file, its reader gives a value or raises a `ZennasError` of a few hundred characters: any other
exception is a traceback on somebody's screen. The inputs are drawn from a fixed seed, so that a failure comes again.
"""

import copy
import gzip
import json
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import save_file

import zennas
from tests.accuracy.learned import lawful_networks
from tests.latency.devices import plain_predictor
from tests.train.test_grey_images import idx_folder
from zennas.accuracy.networks import read_networks
from zennas.architecture.files import read_architecture
from zennas.architecture.structure import parse_structure
from zennas.counting.budgets import QUANTITIES, parse_budget
from zennas.designing.plans import plan_path, read_plan
from zennas.designing.settings import read_design_config
from zennas.errors import ZennasError
from zennas.io.settings import CONFIG
from zennas.latency.predictor import read_predictor, write_predictor
from zennas.latency.records import Corrected, Header, has_records, open_records, read_records
from zennas.latency.setting import Setting
from zennas.scores.learned import load_accuracy_model
from zennas.searching.settings import configured_space, read_config
from zennas.train.checkpoint import FOLDER, load_checkpoint
from zennas.train.config import read_train_config
from zennas.train.datasets import open_data
from zennas.train.metrics import METRICS, read_metrics, write_metrics
from zennas.train.weights import class_count, load_weights

pytestmark = pytest.mark.slow

MOST_OF_A_MESSAGE = 1000
STRUCTURE = "SuperConvK3BNRELU(3,16,1,1)SuperResK1K5K1(16,24,2,8,3)SuperResIDWE4K7SE(24,64,2,32,2)Btn[k3](64,8,1,8,1)"
NETWORK = zennas.load("SuperConvK3BNRELU(3,16,1,1)SuperResK1K5K1(16,24,2,8,3)")

VALUES: list[Any] = [
    None, True, False, 0, -1, 1, 3, 10_000_000, -(2**63), 10**30, 10**90, 0.5, 1e308, -1e308, float("nan"),
    float("inf"), "", "x", "é\u2028", "1M", "-1", "0x", "module", "y" * 3000, "\0", [], [1], [[]], ["Conv"] * 5, {},
    {"a": 1}, {"block": "Conv"}, [None, {}], [1e308] * 3,
]  # fmt: skip
TEXTS = [
    "", "\0", "\n", "\t", " ", "\u2028", "(", ")", "[", "]", "{", "}", ":", ",", "-", "&a", "*a", "!!int", "!!float x",
    "!!timestamp x", "!!bool x", "!!binary é", "!!python/object:os.system", "<<: *a", "? ", "|", ">", "'", '"', "#",
    "%", "@", "`", "..", "1e999", "nan", "NaN", "Infinity", "-Infinity", "2001-99-99", "0x", "0b", "1:99:99", "=", "~",
    "null", "9" * 5000, "0x" + "f" * 5000, "0." + "1" * 500, "[" * 1500, "{a: " * 150, "x" * 200_000, " " * 3000,
    "é" * 100,
]  # fmt: skip


def damaged_bytes(content: bytes, rng: np.random.Generator, count: int) -> Iterator[bytes]:
    """Truncations, flipped bits, changed bytes, and parts that are cut out, doubled or zeroed."""
    for _ in range(count):
        changed = bytearray(content)
        for _ in range(int(rng.integers(1, 4))):
            place, length = int(rng.integers(len(changed) + 1)), int(rng.integers(1, 40))
            kind = rng.integers(6)
            if kind == 0:
                del changed[place:]
            elif kind == 1 and place < len(changed):
                changed[place] ^= 1 << int(rng.integers(8))
            elif kind == 2 and place < len(changed):
                changed[place] = int(rng.integers(256))
            elif kind == 3:
                del changed[place : place + length]
            elif kind == 4:
                changed[place:place] = changed[place : place + length]
            else:
                changed[place : place + length] = bytes(len(changed[place : place + length]))
        yield bytes(changed)


def damaged_texts(text: str, rng: np.random.Generator, count: int) -> Iterator[str]:
    """Texts with pieces of `TEXTS` put in anywhere, at times in place of what is there."""
    for number in range(count):
        changed = text
        for _ in range(int(rng.integers(1, 4))):
            place = int(rng.integers(len(changed) + 1))
            piece = TEXTS[(number if number < len(TEXTS) else int(rng.integers(len(TEXTS)))) % len(TEXTS)]
            changed = changed[:place] + piece + changed[place + int(rng.integers(4)) * int(rng.integers(9)) :]
        yield changed


def places(document: Any) -> list[tuple[Any, ...]]:
    """The path of every value within a document."""
    found: list[tuple[Any, ...]] = [()]
    items = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    for key, value in items:
        found += [(key, *path) for path in places(value)]
    return found


def damaged_documents(document: Any, rng: np.random.Generator, count: int, values: list[Any] = VALUES) -> Iterator[Any]:
    """Documents of which some values have another type or size, or are missing, or have keys beside them."""
    where = [path for path in places(document) if path]
    for number in range(count):
        changed = copy.deepcopy(document)
        for _ in range(int(rng.integers(1, 3))):
            path = where[number % len(where)] if rng.random() < 0.5 else where[int(rng.integers(len(where)))]
            parent = changed
            try:
                for key in path[:-1]:
                    parent = parent[key] if isinstance(parent, dict | list) else None
                if not isinstance(parent, dict | list):
                    continue
                if rng.random() < 0.1:
                    del parent[path[-1]]
                elif rng.random() < 0.1:
                    parent[[1, "new", None, 2.5, True, "x" * 3000][int(rng.integers(6))]] = 1
                else:
                    parent[path[-1]] = copy.deepcopy(values[int(rng.integers(len(values)))])
            except (KeyError, IndexError, TypeError):
                continue  # an earlier change took the place away
        yield changed


def as_bytes(texts: Iterator[str]) -> Iterator[bytes]:
    return (text.encode("utf-8", "surrogatepass") for text in texts)


def failures(read: Callable[[Any], object], inputs: Iterator[Any]) -> list[str]:
    """What a reader raised that is no short `ZennasError`, each place in the code once."""
    found: dict[str, str] = {}
    for given in inputs:
        try:
            read(given)
        except ZennasError as error:
            if len(str(error)) > MOST_OF_A_MESSAGE:
                said = traceback.extract_tb(error.__traceback__)[-1]
                found.setdefault(f"{said}", f"message of {len(str(error))} characters: {str(error)[:300]}")
        except Exception as error:
            place = [f for f in traceback.extract_tb(error.__traceback__) if "zennas/" in f.filename][-1]
            name = f"{Path(place.filename).name}:{place.lineno}"
            found.setdefault(f"{name} {type(error).__name__}", f"{error!s:.200} for {repr(given)[:200]}")
    return [f"{place}: {said}" for place, said in found.items()]


def through(path: Path, read: Callable[[Path], object]) -> Callable[[bytes], object]:
    """A reader of bytes, from a reader of a file."""

    def read_bytes(content: bytes) -> object:
        path.write_bytes(content)
        return read(path)

    return read_bytes


def three_ways(document: Any, dump: Callable[[Any], str], count: int, seed: int) -> Iterator[bytes]:
    """A document damaged as bytes, as a text and in its structure."""
    rng = np.random.default_rng(seed)
    yield from damaged_bytes(dump(document).encode(), rng, count)
    yield from as_bytes(damaged_texts(dump(document), rng, count))
    yield from as_bytes(map(dump, damaged_documents(document, rng, count)))


def to_yaml(document: Any) -> str:
    return yaml.dump(
        document, Dumper=getattr(yaml, "CSafeDumper", yaml.SafeDumper), sort_keys=False, allow_unicode=True
    )


def to_json(document: Any) -> str:
    return json.dumps(document, skipkeys=True)


def test_structure_strings():
    rng = np.random.default_rng(1)
    texts = [
        *damaged_texts(STRUCTURE, rng, 3000),
        *(b.decode("latin-1") for b in damaged_bytes(STRUCTURE.encode(), rng, 3000)),
    ]
    texts += ["A" * 1_000_000, "A" + " " * 900_000, "A[" + " " * 900_000, "A(" * 100_000, "A(" + "1" * 900_000 + ")"]
    assert not failures(zennas.load, (text for text in texts if "(" in text))
    assert not failures(parse_structure, iter(texts))


ARCHITECTURE = {
    "name": "a net", "resolution": 32, "num_classes": 10, "note": {"by": ["hand"]},
    "super_blocks": [
        {"block": "Conv", "kernel": 3, "in": 3, "out": 16, "stride": 1, "layers": 1},
        {"block": "MB", "kernel": 5, "in": 16, "out": 24, "stride": 2, "bottleneck": 24, "expansion": 1.5, "se": True},
    ],
}  # fmt: skip


@pytest.mark.parametrize(("suffix", "dump"), [("yaml", to_yaml), ("json", to_json)])
def test_architectures(tmp_path, suffix, dump):
    read = through(tmp_path / f"net.{suffix}", read_architecture)
    assert not failures(read, three_ways(ARCHITECTURE, dump, 1000, 2))


SPACE = {
    "name": "narrow", "base": "resnet", "choices": [{"block": "Btn", "kernel": 3}, {"block": "MB", "expansion": 2}],
    "stage_strides": [1, 2, 2], "width": {"low": 16, "high": 256, "step": 16}, "layers": {"low": 1, "high": 8},
    "stem": {"block": "Conv", "kernel": 3, "in": 3, "out": 16}, "head_width": {"low": 16, "high": 64}, "split_at": 5,
    "mutation": [0.5, 2.0], "freeze": ["stem"],
}  # fmt: skip


def test_spaces(tmp_path):
    path = tmp_path / "space.yaml"
    config = zennas.searching.settings.checked_config({"space": str(path), "params": "1M"})
    read = through(path, lambda _: configured_space(config))
    assert not failures(read, three_ways(SPACE, to_yaml, 700, 3))


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_budgets(quantity):
    rng = np.random.default_rng(4)
    texts = [
        *damaged_texts("0.5ms..1.5e3M", rng, 1500),
        "1" * 5000 + "x",
        "1" * 2500 + "e" + "1" * 2500 + "!",
        "." * 5000,
    ]
    assert not failures(lambda text: parse_budget(quantity, text), iter(texts))


SEARCH = {
    "space": "resnet", "resolution": 32, "num_classes": 10, "params": ["0.5M", "1M"], "layers": "18", "seed": 3,
    "freeze": ["stem"], "time_limit": 3.5, "pareto": ["params"], "se": True, "versions": {"python": "3.11"},
}  # fmt: skip
TRAINING = {
    "model": "zennet-cifar-0.5M", "data": "digits", "epochs": 3, "batch_size": 64, "lr": 0.1, "weight_decay": 5e-4,
    "mixup": 0.2, "precision": "fp32", "teacher": "timm:resnet18", "teacher_weights": "w.pt", "versions": {"a": "b"},
}  # fmt: skip


@pytest.mark.parametrize(("document", "read"), [(SEARCH, read_config), (TRAINING, read_train_config)])
def test_settings(tmp_path, document, read):
    reader = through(tmp_path / CONFIG, lambda path: read(path.parent))
    assert not failures(reader, three_ways(document, to_yaml, 1000, 5))


def test_images_of_idx(tmp_path):
    idx_folder(tmp_path, count=4)
    images = tmp_path / "train-images-idx3-ubyte"
    read = through(images, lambda _: open_data(f"idx:{tmp_path}"))
    whole = images.read_bytes()
    assert not failures(read, damaged_bytes(whole[:16], np.random.default_rng(13), 700))
    assert not failures(read, damaged_bytes(whole, np.random.default_rng(14), 300))
    packed = gzip.compress(whole)
    images.unlink()
    read = through(tmp_path / "train-images-idx3-ubyte.gz", lambda _: open_data(f"idx:{tmp_path}"))
    assert not failures(read, damaged_bytes(packed, np.random.default_rng(15), 700))


PLAN = {
    "note": "by the zero-shot score",
    "candidates": [
        {"name": "1-1", "structure": STRUCTURE, "why": "the best", "score": 3.5, "predicted": 90.5, "std": 1.0},
        {"name": "1-2", "structure": STRUCTURE, "why": "another", "score": 2},
    ],
}  # fmt: skip
DESIGN = {
    "data": "digits", "candidates": 6, "epochs": 4, "rounds": 2, "final_epochs": 3, "holdout": 0.1, "seed": 0,
    "resolution": 8, "num_classes": 10, "images": 1437, "search": {"params": "30k", "iterations": 3000},
    "training": {"batch_size": 64, "lr": 0.1}, "versions": {"a": "b"},
}  # fmt: skip


def test_plans_and_settings_of_designs(tmp_path):
    plans = through(plan_path(tmp_path, 1), lambda _: read_plan(tmp_path, 1))
    assert not failures(plans, three_ways(PLAN, to_yaml, 700, 10))
    configs = through(tmp_path / CONFIG, lambda path: read_design_config(path.parent))
    assert not failures(configs, three_ways(DESIGN, to_yaml, 700, 11))


def test_metrics(tmp_path):
    text = "epoch,lr,train_loss,accuracy,images_per_second\n1,0.1,2.5,nan,100.5\n2,0.05,1.5,0.75,90\n"
    rng = np.random.default_rng(12)
    inputs = [*damaged_bytes(text.encode(), rng, 1000), *as_bytes(damaged_texts(text, rng, 1000))]
    assert not failures(through(tmp_path / METRICS, lambda path: read_metrics(path.parent)), iter(inputs))


def test_studies_in_json(tmp_path):
    document = {
        digits: {"mean_acc": 90.0 + i, "params": 3} for i, digits in enumerate(["00000000", "12012012", "22222222"])
    }
    for digits, row in document.items():
        row["params"] = zennas.costs(zennas.accuracy.nas_bench_macro.macro_architecture(digits), 32, 10).params
    values = [*VALUES, 10**400]
    rng = np.random.default_rng(6)
    read = through(tmp_path / "study.json", lambda path: read_networks(str(path)))
    assert not failures(read, three_ways(document, to_json, 1000, 6))
    changed = damaged_documents(document, rng, 1000, values)
    assert not failures(read, as_bytes(map(to_json, changed)))


def test_studies_in_csv(tmp_path):
    text = f'model,resolution,accuracy\nzennet-cifar-0.5M,32,71.5\n"{STRUCTURE}",32,70\nDFNet-1,224,69.8\n'
    rng = np.random.default_rng(7)
    inputs = [*damaged_bytes(text.encode(), rng, 1500), *as_bytes(damaged_texts(text, rng, 1500))]
    read = through(tmp_path / "study.csv", lambda path: read_networks(str(path)))
    assert not failures(read, iter(inputs))


def test_latency_predictors(tmp_path):
    path = tmp_path / "predictor.json"
    write_predictor(plain_predictor(), path)
    document = json.loads(path.read_text())
    read = through(path, lambda p: read_predictor(p).predict(NETWORK.super_blocks))
    assert not failures(read, three_ways(document, to_json, 1000, 8))


def test_accuracy_models(tmp_path):
    pytest.importorskip("sklearn")
    document = json.loads(zennas.fit_accuracy(lawful_networks(9, last_layers=0.3)).text)
    read = through(tmp_path / "model.json", lambda path: load_accuracy_model(path).predict([NETWORK]))
    assert not failures(read, three_ways(document, to_json, 150, 11))


def test_measurements(tmp_path):
    path = tmp_path / "measurements.jsonl"
    header = Header(Setting(batch_size=1, resolution=32), "resnet", 10, (1e5, 1e6), 3)
    records = open_records(path, header)
    records.add_network(0, NETWORK.super_blocks, 0.5, 1.0)
    records.add_layer(zennas.latency.layers.network_layers(NETWORK.super_blocks, 32, 10)[0][0], 0.125)
    records.add_network(4, NETWORK.super_blocks, None, 1.0)
    whole = path.read_text()
    rows = [json.loads(line) for line in whole.splitlines()]

    def read(given: Path) -> None:
        has_records(given)
        Corrected(read_records(given)).numbers()
        open_records(given, header)

    rng = np.random.default_rng(9)
    lines = ("".join(json.dumps(row, skipkeys=True) + "\n" for row in d) for d in damaged_documents(rows, rng, 1200))
    inputs = [*damaged_bytes(whole.encode(), rng, 1200), *as_bytes(damaged_texts(whole, rng, 1200)), *as_bytes(lines)]
    assert not failures(through(path, read), iter(inputs))


@pytest.mark.parametrize("suffix", ["safetensors", "pt", "old.pt"])
def test_weights(tmp_path, suffix):
    path = tmp_path / f"w.{suffix}"
    structure = zennas.load("SuperConvK3BNRELU(3,4,2,1)")
    network, one = zennas.build(structure, 10), zennas.build(structure, 1)
    weights = network.state_dict()
    if suffix == "safetensors":
        save_file(weights, path)
    else:
        torch.save({"state_dict": weights}, path, _use_new_zipfile_serialization=suffix == "pt")

    def read(given: Path) -> None:
        class_count(one, given)
        load_weights(network, given)

    assert not failures(through(path, read), damaged_bytes(path.read_bytes(), np.random.default_rng(10), 1500))


# What torch can write; whole numbers of more than 64 bits are not among it.
PLAIN = [value for value in VALUES if not (isinstance(value, int) and abs(value) >= 2**63)]
OTHER_TENSORS = [
    torch.tensor(1.0), torch.zeros(0), torch.zeros(3, 3), torch.zeros(2, dtype=torch.complex64),
    torch.zeros(2, 2).to_sparse(), torch.zeros(3, dtype=torch.int8), torch.zeros(1).expand(10**6),
    torch.full((4,), float("nan")),
]  # fmt: skip


def test_weights_of_other_types(tmp_path):
    path = tmp_path / "w.pt"
    structure = zennas.load("SuperConvK3BNRELU(3,4,2,1)")
    network, one = zennas.build(structure, 10), zennas.build(structure, 1)
    content = {"network": dict(network.state_dict())}

    def read(changed: Any) -> None:
        torch.save(changed, path)
        class_count(one, path)
        load_weights(network, path)

    changed = damaged_documents(content, np.random.default_rng(11), 1500, [*PLAIN, *OTHER_TENSORS])
    assert not failures(read, changed)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run of two epochs with its checkpoints."""
    out = tmp_path_factory.mktemp("trained") / "run"
    zennas.train.train("SuperConvK3BNRELU(3,4,2,1)", out, epochs=2, batch_size=512, resolution=8, ema=0.9)
    return out


def checkpoints(directory: Path) -> list[Path]:
    return sorted((directory / FOLDER).glob("step-*.pt"))


def test_a_damaged_checkpoint_leaves_the_one_before_it(tmp_path, trained):
    before, newest = (path.read_bytes() for path in checkpoints(trained))
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / "step-000000001.pt").write_bytes(before)
    path = tmp_path / FOLDER / "step-000000002.pt"
    epochs = set()

    def read(content: bytes) -> None:
        path.write_bytes(content)
        state, notes = load_checkpoint(tmp_path)
        assert len(notes) == (state["epoch"] == 1)
        epochs.add(state["epoch"])

    assert not failures(read, damaged_bytes(newest, np.random.default_rng(12), 1500))
    assert epochs == {1, 2}, "some damage is where nothing is read, e.g. in the padding"


def test_checkpoints_of_other_types(tmp_path, trained):
    """Those that a reader lets through can be gone on with, or do not fit the run and say so."""
    from zennas.train.run import _accelerator, _prepare

    before, newest = checkpoints(trained)
    state = torch.load(newest, weights_only=True)
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / "step-000000001.pt").write_bytes(before.read_bytes())
    config = read_train_config(trained)
    loop = _prepare(config, tmp_path, _accelerator(config, tmp_path), False)

    def read(changed: Any) -> None:
        torch.save(changed, tmp_path / FOLDER / "step-000000002.pt")
        loop.restore(load_checkpoint(tmp_path)[0])
        if loop.history:
            write_metrics(loop.history, tmp_path)

    changed = damaged_documents(state, np.random.default_rng(13), 1500, [*PLAIN, *OTHER_TENSORS])
    assert not failures(read, changed)
