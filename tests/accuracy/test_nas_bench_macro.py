"""NAS-Bench-Macro's networks."""

import json
from pathlib import Path

import pytest
import torch

import zennas
from zennas.accuracy.nas_bench_macro import macro_architecture
from zennas.blocks import architecture_chain, architecture_units
from zennas.errors import ArchitectureError

EXCERPT = Path(__file__).parents[1] / "data" / "nas_bench_macro_excerpt.json"
HALF = Path(__file__).parents[3] / "shared" / "data" / "nas_bench_macro_cifar10_half.json"


def check_costs(path: Path) -> int:
    known = json.loads(path.read_text())
    for digits, row in known.items():
        counted = zennas.costs(macro_architecture(digits), 32, 10)
        assert (counted.params, counted.flops) == (row["params"], row["flops"]), digits
    return len(known)


def test_costs_equal_the_benchmarks() -> None:
    assert check_costs(EXCERPT) == 48


@pytest.mark.skipif(not HALF.is_file(), reason="the whole half of NAS-Bench-Macro is not beside this checkout")
def test_costs_equal_the_benchmarks_whole_half() -> None:
    assert check_costs(HALF) == 3253


def test_the_module_has_the_counted_parameters_and_links_only_where_shapes_match() -> None:
    architecture = macro_architecture("01012002")
    module = zennas.build(architecture, 10)
    assert sum(p.numel() for p in module.parameters()) == zennas.costs(architecture, 32, 10).params
    assert module(torch.zeros(2, 3, 32, 32)).shape == (2, 10)
    links = [u.shortcut for _, u in architecture_units(architecture) if len(u.main) == 3]
    # Layers 2, 4 (stage 2, repeats its channels), 5 and 8: none of them changes shape.
    assert links == ["identity", "identity", "identity", "identity"]
    first = [u.shortcut for _, u in architecture_units(macro_architecture("10100100")) if len(u.main) == 3]
    assert first == [None, None, None]


def test_linear_bottlenecks_have_no_activation_at_their_end() -> None:
    chain = architecture_chain(macro_architecture("10000000"))
    # stem, bottleneck of three, two 1×1 without ReLU, head
    assert [layer.activation for layer in chain] == ["relu", "relu", "relu", None, None, None, "relu"]


@pytest.mark.parametrize("digits", ["0123", "00000003", "0000000x", ""])
def test_other_codes_are_refused(digits: str) -> None:
    with pytest.raises(ArchitectureError, match="eight digits"):
        macro_architecture(digits)
