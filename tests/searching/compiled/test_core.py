"""The compiled core does what the Python that it stands for does, number for number."""

import math
from dataclasses import replace

import numpy as np
import pytest

import zennas
from zennas.blocks.chain import decorated_path
from zennas.blocks.layers import Convolution, MaxPool, SqueezeExcite, Unit
from zennas.blocks.registry import _BLOCK_TYPES, expand, register_block
from zennas.blocks.tracing import EXCITE, MAX_POOL
from zennas.counting import count_super_blocks
from zennas.counting.budgets import Budget, within
from zennas.input_size import Size, sides
from zennas.scores import ScoreSettings, registered_score
from zennas.scores.closed_form import MeanfieldScorer
from zennas.scores.weighted import WeightedScorer
from zennas.searching.algorithms import Offspring, Problem
from zennas.searching.compiled import core as core_module
from zennas.searching.compiled.core import core_of
from zennas.searching.population import Candidate
from zennas.spaces import space as space_module
from zennas.spaces.fitting import FIT_DRAWS
from zennas.spaces.operators import offspring_draws
from zennas.spaces.space import BlockChoice, Range, SearchSpace, register_space, search_space
from zennas.spaces.start import random_small

pytest.importorskip("numba")

CLASSES = 10


@pytest.fixture
def own_names():
    """Block types and spaces of a user's own are gone afterwards."""
    before, spaces_before = dict(_BLOCK_TYPES), dict(space_module._SPACES)
    yield
    for name in set(space_module._SPACES) - set(spaces_before):
        del space_module._SPACES[name]
    for name in set(_BLOCK_TYPES) - set(before):
        del _BLOCK_TYPES[name]


def spaces():
    yield "resnet", search_space("resnet", 32), 32
    yield "mobilenet with squeeze-excitation", search_space("mobilenet", 224, se=True), 224
    yield "regnet", search_space("regnet", 33), 33
    yield "inverted with squeeze-excitation", search_space("inverted", 64, se=True), 64
    mixed = (
        BlockChoice("IR", 3, expansion=2.5),
        BlockChoice("Linear", 1),
        BlockChoice("Res", 5),
        BlockChoice("GBtn", 3, group_width=24),
    )
    yield "several types", SearchSpace("mixed", mixed, (1, 2, 2), width=Range(6, 90, 6), layers=Range(1, 20)), 24
    published = (
        BlockChoice("MBConv", 5, se=True, squeeze=6, activation="silu"),
        BlockChoice("HardMBConv", 3, se=True, activation="hardswish"),
        BlockChoice("DSConv", 3, se=True, activation="relu6"),
        BlockChoice("RegBlock", 3, group_width=16, se=True, squeeze=8),
        BlockChoice("PoolBottleneck", 3, group_width=8),
        BlockChoice("BasicBlock", 3, se=True),
        BlockChoice("FusedMBConv", 3),
        BlockChoice("SkipConv", 3),
    )
    yield "blocks of published families", SearchSpace("published", published, (2, 2, 1)), 40
    yield "without a head", SearchSpace("bare", mixed, (2, 2), head=None, frozen=frozenset({"stem"})), 17
    grey = search_space("mobilenet", Size(96, 41))
    yield "not square and grey", replace(grey, stem=grey.stem.resized(1, 1)), Size(96, 41)
    yield "widths together", replace(search_space("mobilenet", 64, se=True), together=0.6), 64
    yield "widths together, growing", replace(search_space("resnet", 32), together=0.9, growing=True), 32
    yield "a frozen head", replace(search_space("resnet", 32), frozen=frozenset({"head"})), 32


def grown(space, resolution, rng, rounds=12, size=32, dtype="fp32", tries=1, params=1e12):
    """Rounds of offspring of everything before, by the core and by Python."""
    sets = [[Budget("params", params)], [Budget("params", 200_000), Budget("memory", 3_000_000)]]
    problem = Problem(space, sets, lambda b: count_super_blocks(b, resolution, CLASSES, dtype), 1000, 64)
    core = core_of(problem, resolution, CLASSES, dtype)
    starts = [random_small(space, rng) for _ in range(4)]
    candidates = [Candidate(i, 0, -1, (), s, 0.0, problem.count(s)) for i, s in enumerate(starts)]
    core.see(starts)
    core.add_candidates(starts)
    seen = set(starts)
    for _ in range(rounds):
        parents = [candidates[int(rng.integers(len(candidates)))] for _ in range(size)]
        offspring = Offspring(
            parents,
            rng.random(size).tolist(),
            rng.random((size * tries, 1 + offspring_draws()))[:, 1:],
            rng.integers(-1, 2, size),
            rng.random((size * tries, FIT_DRAWS)),
            tries,
        )
        expected = []
        for number, proposal in enumerate(offspring.proposals(problem)):
            while proposal is not None:
                costs = problem.count(proposal.super_blocks)
                if proposal.super_blocks not in seen and any(within(costs, budgets) for budgets in sets):
                    seen.add(proposal.super_blocks)
                    expected.append((number, proposal))
                    break
                proposal = proposal.otherwise() if proposal.otherwise else None
        batch, chains = core.propose(offspring)
        found = kept(core, batch)
        assert [c.id for c in found] == list(range(len(candidates), len(candidates) + len(found)))
        yield expected, found, chains, problem
        candidates += found


def kept(core, batch):
    """All networks of a batch as candidates; their iteration is the number of the proposal."""
    count = len(batch.numbers)
    return core.keep(batch, np.arange(count), -1, np.zeros(count))


@pytest.mark.parametrize("dtype", ["fp32", "int8"])
@pytest.mark.parametrize(("space", "resolution"), [pytest.param(s, r, id=name) for name, s, r in spaces()])
def test_a_round_is_that_of_python(space, resolution, dtype):
    rng = np.random.default_rng(3)
    networks = 0
    for expected, found, chains, problem in grown(space, resolution, rng, rounds=8, dtype=dtype):
        assert [(n, p.parent.id, p.mutations, p.super_blocks) for n, p in expected] == [
            (f.iteration, f.parent, f.mutations, f.super_blocks) for f in found
        ]
        assert [f.costs for f in found] == [problem.count(f.super_blocks) for f in found]
        rows = [chains.rows[a:b].tolist() for a, b in zip(chains.starts[:-1], chains.starts[1:], strict=True)]
        assert rows == [chain_rows(f.super_blocks, resolution) for f in found]
        networks += len(found)
    assert networks > 200


def test_tries_of_a_proposal_are_those_of_python():
    """Small networks under a bound that most offspring exceed: the first try that is a candidate is kept."""
    found_with = {}
    for tries in (1, 4):
        rounds = list(grown(search_space("resnet", 32), 32, np.random.default_rng(5), tries=tries, params=120_000))
        for expected, found, _, _ in rounds:
            assert [(n, p.mutations) for n, p in expected] == [(f.iteration, f.mutations) for f in found]
        found_with[tries] = sum(len(found) for _, found, _, _ in rounds)
    assert found_with[1] < 0.9 * found_with[4] <= 0.9 * 12 * 32


def chain_rows(network, size):
    """A network's main path with its gates in numbers, from its layers."""
    rows = []
    for block in network:
        expansion = expand(block)
        for layer in decorated_path(expansion.first) + decorated_path(expansion.rest) * expansion.repeats:
            if layer.decoration:
                rows += [[gate.in_channels, gate.out_channels, 1, 1, 1, EXCITE, 1, 1] for gate in layer.convolutions]
                continue
            pools = isinstance(layer, MaxPool)
            kind, groups = (MAX_POOL, 1) if pools else (int(layer.activation == "relu"), layer.groups)
            numbers = (layer.in_channels, layer.out_channels, layer.kernel, layer.stride, groups, kind)
            rows.append([*numbers, *sides(size)])
            size = layer.out_resolution(size)
    return rows


@pytest.mark.parametrize(("space", "resolution"), [pytest.param(s, r, id=name) for name, s, r in spaces()])
def test_scores_from_chains_are_those_of_the_networks(space, resolution):
    scorers = {"meanfield": MeanfieldScorer(resolution, 8), "zen-weighted": WeightedScorer()}
    costs = {name: registered_score(name).chains(resolution, ScoreSettings(), 8) for name in ("params", "flops")}
    for _, found, chains, _ in grown(space, resolution, np.random.default_rng(8), rounds=4):
        networks = [f.super_blocks for f in found]
        for name, scorer in scorers.items():
            many = registered_score(name).many
            assert scorer.score(chains) == many(networks, resolution, ScoreSettings()), name
        for name, scorer in costs.items():
            assert scorer.score(chains) == [getattr(f.costs, name) for f in found], name


@pytest.mark.parametrize("column", range(8))
def test_a_known_super_block_is_taken_for_no_other(monkeypatch, column):
    """What is known gets another type, width, stride or map in every round."""
    made, kinds = core_module.nothing_known, []
    monkeypatch.setattr(core_module, "nothing_known", lambda program: kinds.append(made(program)) or kinds[-1])
    for _, found, _, problem in grown(search_space("resnet", 32), 32, np.random.default_rng(4), rounds=4):
        assert [f.costs for f in found] == [problem.count(f.super_blocks) for f in found]
        for known in kinds:
            known.table[:, column] += 1
            known.table[:, 8:16] = 7
    assert kinds[-1].table.any()


def test_a_round_of_one_is_compiled_for_none_anew():
    space, rng = search_space("resnet", 32), np.random.default_rng(6)
    list(grown(space, 32, rng, rounds=1))
    before = list(core_module.propose_round.signatures)
    list(grown(space, 32, rng, rounds=2, size=1))
    assert core_module.propose_round.signatures == before


def test_deep_networks_get_more_room(monkeypatch):
    monkeypatch.setattr(core_module, "_CHAIN_ROWS", 64)
    space, rng = search_space("resnet", 32), np.random.default_rng(0)
    for expected, found, chains, _ in grown(space, 32, rng, rounds=4):
        assert [p.super_blocks for _, p in expected] == [f.super_blocks for f in found]
        assert len(chains.rows) > 64


def test_budgets_of_a_frontier():
    space, rng = search_space("resnet", 32), np.random.default_rng(1)
    sets = [[Budget("params", 90_000), Budget("layers", 7)], [Budget("memory", 400_000, 200_000)]]
    problem = Problem(space, sets, lambda b: count_super_blocks(b, 32, CLASSES), 1000, 64)
    core = core_of(problem, 32, CLASSES)
    start = random_small(space, rng)
    core.see([start])
    core.add_candidates([start])
    parent = Candidate(0, 0, -1, (), start, 0.0, problem.count(start))
    offspring = Offspring([parent] * 400, [0.5] * 400, rng.random((400, offspring_draws())))
    seen, expected = {start}, []
    for blocks in (proposal.super_blocks for proposal in offspring.proposals(problem)):
        costs = problem.count(blocks)
        first = costs.params <= 90_000 and costs.layers <= 7
        if blocks not in seen and (first or 200_000 <= costs.memory <= 400_000):
            seen.add(blocks)
            expected.append(blocks)
    batch, _ = core.propose(offspring)
    found = kept(core, batch)
    assert [f.super_blocks for f in found] == expected
    within = [[c.costs.params <= 90_000 and c.costs.layers <= 7, 200_000 <= c.costs.memory <= 400_000] for c in found]
    assert [np.flatnonzero(each).tolist() for each in np.transpose(within)] == [
        places.tolist() for places in core.within(found.costs)
    ]
    assert 10 < len(expected) < 390


CONFIGS = [
    {"params": 200_000, "layers": 12},
    {"params": 300_000, "space": "mobilenet", "se": True, "flops": 30_000_000},
    {"params": 200_000, "space": "regnet", "memory": 400_000, "effectiveness": 1.0},
    {"params": ["100k", "200k"], "flops": 30_000_000},
    {"params": 200_000, "algorithm": "regularized", "population": 40},
    {"params": 100_000, "score": "zen-weighted"},
    {"params": 300_000, "space": "mobilenet", "se": True, "score": "zen-weighted"},
    {"params": 200_000, "layers": 12, "algorithm": "zen-nas"},
    {"params": 200_000, "layers": 12, "resolution": "48x20", "channels": 12},
    {"weights": "150kB", "peak_memory": "100kB", "dtype": "int8", "convolutions": 40},
]


@pytest.mark.parametrize("settings", CONFIGS, ids=lambda settings: "-".join(map(str, settings.values())))
def test_a_search_is_that_without_the_core(settings, monkeypatch):
    def searched():
        result = zennas.search(
            **{"population": 64, "score": "meanfield", **settings},
            iterations=1500,
            seed=5,
            rescore=0,
            num_classes=CLASSES,
        )
        return [(c.super_blocks, c.score, c.costs, c.parent, c.mutations) for c in result.candidates()]

    with_core = searched()
    cores = []
    monkeypatch.setattr("zennas.runs.configured.core_of", lambda *_: cores.append(1))
    assert searched() == with_core
    assert cores
    assert len(with_core) > 200


def test_a_users_block_that_can_be_traced(own_names):
    @register_block("Narrowed", needs=("bottleneck",))
    def narrowed(block, in_channels, stride, first):
        inner = max(4, math.floor(block.bottleneck / 3))
        inner = inner + 1 if inner > 10 else inner
        end = Convolution(inner, block.out_channels, 1, activation=None)
        return [Unit((Convolution(in_channels, inner, block.kernel, stride), end))]

    space = SearchSpace("own", (BlockChoice("Narrowed", 3), BlockChoice("Res", 3)), (1, 2))
    for expected, found, _, problem in grown(space, 16, np.random.default_rng(2), rounds=6):
        assert [p.super_blocks for _, p in expected] == [f.super_blocks for f in found]
        assert [f.costs for f in found] == [problem.count(f.super_blocks) for f in found]


def test_a_users_block_with_gates(own_names):
    """Gates stand where the block has them: two behind a layer, one before any."""

    @register_block("Gated", needs=("bottleneck",))
    def gated(block, in_channels, stride, first):
        inner, out = block.bottleneck, block.out_channels

        def gate(channels, squeezed):
            return SqueezeExcite(Convolution(channels, squeezed, 1), Convolution(squeezed, channels, 1))

        end = Convolution(inner, out, 1, activation=None)
        main = (gate(in_channels, 4), Convolution(in_channels, inner, 3, stride), gate(inner, 6), gate(inner, 2), end)
        return [Unit(main)]

    space = SearchSpace("own", (BlockChoice("Gated", 3), BlockChoice("Res", 3)), (1, 2))
    for _, found, chains, problem in grown(space, 16, np.random.default_rng(2), rounds=4):
        networks = [f.super_blocks for f in found]
        assert [f.costs for f in found] == [problem.count(network) for network in networks]
        rows = [chains.rows[a:b].tolist() for a, b in zip(chains.starts[:-1], chains.starts[1:], strict=True)]
        assert rows == [chain_rows(network, 16) for network in networks]
        for name, scorer in (("meanfield", MeanfieldScorer(16, 8)), ("zen-weighted", WeightedScorer())):
            assert scorer.score(chains) == registered_score(name).many(networks, 16, ScoreSettings()), name


def test_a_users_block_that_cannot_be_traced(own_names):
    @register_block("Looked", needs=("bottleneck",))
    def looked(block, in_channels, stride, first):
        inner = {8: 4}.get(block.bottleneck, 8)
        return [
            Unit((Convolution(in_channels, inner, block.kernel, stride), Convolution(inner, block.out_channels, 1)))
        ]

    space = SearchSpace("own", (BlockChoice("Looked", 3),), (1, 2))
    problem = Problem(space, [[Budget("params", 1e5)]], lambda b: count_super_blocks(b, 16, CLASSES), 100, 8)
    assert core_of(problem, 16, CLASSES) is None
    register_space("own")(lambda resolution: space)
    result = zennas.search(space="own", params=50_000, iterations=300, resolution=16, rescore=0)
    assert result.best.costs.params <= 50_000


def test_a_users_block_that_does_something_else_with_numbers(own_names):
    @register_block("Odd", needs=("bottleneck",))
    def odd(block, in_channels, stride, first):
        inner = block.bottleneck if isinstance(block.bottleneck, int) else 8
        return [
            Unit((Convolution(in_channels, inner, block.kernel, stride), Convolution(inner, block.out_channels, 1)))
        ]

    space = SearchSpace("own", (BlockChoice("Odd", 3),), (1, 2))
    problem = Problem(space, [[Budget("params", 1e5)]], lambda b: count_super_blocks(b, 16, CLASSES), 100, 8)
    assert core_of(problem, 16, CLASSES) is None


def test_operators_and_quantities_of_a_users_own_have_no_core(monkeypatch):
    space = search_space("resnet", 32)
    problem = Problem(space, [[Budget("params", 1e5)]], lambda b: count_super_blocks(b, 32, CLASSES), 100, 8)
    assert core_of(problem, 32, CLASSES) is not None
    from zennas.spaces import operators as table

    own = table.Operator("own", lambda *_: (), 1.0)
    monkeypatch.setitem(table._OPERATORS, "own", own)
    assert core_of(problem, 32, CLASSES) is None
    monkeypatch.delitem(table._OPERATORS, "own")
    assert core_of(problem, 32, CLASSES) is not None
    monkeypatch.setitem(core_module.COUNTED_ALONE, "widest", lambda *_: 1.0)
    assert core_of(problem, 32, CLASSES) is None


def test_a_start_of_another_type(own_names):
    """The start may have a block type that the space has not."""
    start = "SuperConvK3BNRELU(3,16,1,1)SuperResK7K7(16,24,2,8,2)SuperConvK1BNRELU(24,64,1,1)"
    blocks = zennas.parse_structure(start).super_blocks
    space = SearchSpace("own", (BlockChoice("Btn", 3),), (2,), start=blocks)
    register_space("own")(lambda resolution: space)
    result = zennas.search(space="own", params=50_000, iterations=400, resolution=16, rescore=0)
    assert {b.block for c in result.candidates() for b in c.super_blocks} == {"Conv", "Res", "Btn"}
