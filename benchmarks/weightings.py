"""Every form of zen-weighted that was tried, on benchmarks of known accuracy.

python benchmarks/weightings.py nas_bench_macro.json channel_bench_macro_resnet.json imagenet_timm.csv pytorchcv:cifar10

prints a Markdown table of the forms with their Spearman and regret on every file, and which constants the others would
choose where one benchmark is left out. `--csv FILE` writes the whole grid of constants too.
"""

import argparse
import csv
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zennas.accuracy.measures import Measures, correlation, over_recipes, recipe_groups, regret, within_parts
from zennas.accuracy.networks import KnownNetwork, read_networks
from zennas.architecture.model import Architecture
from zennas.blocks.chain import decorated_path
from zennas.blocks.registry import architecture_units
from zennas.scores.closed_form.activation import M2
from zennas.scores.network import chain_of, resolutions

Numbers = NDArray[np.float64]
RELU = 0.5 - M2


class Table:
    """The convolutions of a benchmark's networks, one row each, and their gates.

    Attributes:
        network: of each row. `cin`, `cout`, `kernel`, `groups`, `side` and `relu` describe its convolution, and
            `moment` is the second moment of what it reads.
    """

    def __init__(self, networks: Sequence[KnownNetwork]) -> None:
        rows, gates = [], []
        for number, known in enumerate(networks):
            first = len(rows)
            convolutions = [c for layer in chain_of(known.network) for c in layer.convolutions]
            moment = 1.0
            for c, side in zip(convolutions, resolutions(chain_of(known.network), known.resolution), strict=True):
                rows.append(
                    (number, c.in_channels, c.out_channels, c.kernel, c.groups, bool(c.activation), side, moment)
                )
                moment = RELU if c.activation else 1.0
            last = len(rows) - 1
            gates += [(number, c.in_channels, c.out_channels, min(first + at, last)) for c, at in _gates(known)]
        table = np.array(rows, float).T
        self.network, self.cin, self.cout, self.kernel, self.groups, self.relu, self.side, self.moment = table
        self.network = self.network.astype(int)
        self.starts = np.flatnonzero(np.r_[True, np.diff(self.network) != 0])
        new = np.r_[True, (np.diff(self.network) != 0) | (np.diff(self.side) != 0)]
        self.scales = np.flatnonzero(new)
        gate = np.array(gates, float).reshape(-1, 4).T
        self.gate_network, self.gate_place = gate[0].astype(int), gate[3].astype(int)
        self.gate_in, self.gate_out = gate[1], gate[2]
        self.accuracy = np.array([n.accuracy for n in networks])
        self.flops = np.array([n.flops for n in networks], float)
        self.params = np.array([n.params for n in networks], float)
        self.groups_of_recipes = recipe_groups([n.recipe for n in networks])

    @property
    def fan_in(self) -> Numbers:
        """Values that a convolution reads for one output."""
        return self.kernel**2 * self.cin / self.groups


def _gates(known: KnownNetwork) -> list[tuple[object, int]]:
    """Convolutions of gates, and how many convolutions lie in front of them."""
    if not isinstance(known.network, Architecture):
        before = np.cumsum([0, *(len(layer.convolutions) for layer in known.network.chain)])
        return [(g.convolution, int(before[g.place])) for g in known.network.gates if g.side == 1]
    found, count = [], 0
    for layer in decorated_path(tuple(unit for _, unit in architecture_units(known.network))):
        if layer.decoration:
            found += [(convolution, count) for convolution in layer.convolutions]
        else:
            count += len(layer.convolutions)
    return found


Gain = Callable[[Table], Numbers]
GAINS: dict[str, Gain] = {
    "1": lambda t: np.ones(len(t.cin)),
    "log fan-in": lambda t: np.log(t.fan_in),
    "½·log σ²": lambda t: np.maximum(0.5 * np.log(t.fan_in * t.moment), 0),
    "log(fan-in · c)": lambda t: np.log(t.fan_in * t.cout),
    "log(fan-in)^½": lambda t: np.sqrt(np.log(t.fan_in)),
    "log(fan-in)^1.5": lambda t: np.log(t.fan_in) ** 1.5,
    "fan-in^0.1": lambda t: t.fan_in**0.1,
    "fan-in^0.2": lambda t: t.fan_in**0.2,
    "√k": lambda t: np.sqrt(t.kernel),
    "log(k·c_in)": lambda t: np.log(t.cin * t.kernel),
    "log(k·c_in/g)": lambda t: np.log(t.kernel * t.cin / t.groups),
    "log(1 + c_in/g)": lambda t: np.log1p(t.cin / t.groups),
    "log(c_in/g) + ½": lambda t: np.log(t.cin / t.groups) + 0.5,
    "½·log(1 + σ²), k²": lambda t: 0.5 * np.log1p(t.fan_in * t.moment),
    "½·log(1 + σ²), no k": lambda t: 0.5 * np.log1p(t.cin / t.groups * t.moment),
    "½·log(1 + σ²), k": lambda t: 0.5 * np.log1p(t.kernel * t.cin / t.groups * t.moment),
}


def beyond(t: Table, dimensions: Numbers) -> Numbers:
    """Channels, of which those beyond the dimensions of what comes in count by their logarithm: c hyperplanes cut r
    dimensions into about (e·c/r)^r regions (Zaslavsky 1975)."""
    return np.where(t.cout <= dimensions, t.cout, dimensions * (1 + np.log(np.maximum(t.cout / dimensions, 1))))


WIDTHS: dict[str, Gain] = {
    "c": lambda t: t.cout,
    "fan-in": lambda t: t.fan_in,
    "√(c·fan-in)": lambda t: np.sqrt(t.cout * t.fan_in),
    "min(c, fan-in)": lambda t: np.minimum(t.cout, t.fan_in),
    "c·fan-in/(c + fan-in)": lambda t: t.cout * t.fan_in / (t.cout + t.fan_in),
    "c·9c_in/(c + 9c_in)": lambda t: t.cout * 9 * t.cin / (t.cout + 9 * t.cin),
}
BEHIND_FEWER: dict[str, Gain] = {
    "logarithm of c beyond c_in": lambda t: beyond(t, t.cin),
    "logarithm of c beyond 4c_in": lambda t: beyond(t, 4 * t.cin),
    "min(c, 8k²c_in)": lambda t: np.minimum(t.cout, 8 * t.kernel**2 * t.cin),
}
"""Widths that count less behind fewer channels; tried with the final form alone."""
NOISES: dict[str, Gain] = {
    "1/c": lambda t: t.relu / t.cout,
    "1/c of all convolutions": lambda t: 1 / t.cout,
    "1/fan-in": lambda t: t.relu / t.fan_in,
    "1/fan-in of all convolutions": lambda t: 1 / t.fan_in,
    "1/c_in": lambda t: t.relu / t.cin,
    "1/√(c_in·c)": lambda t: t.relu / np.sqrt(t.cin * t.cout),
    "1/min(c, fan-in)": lambda t: t.relu / np.minimum(t.fan_in, t.cout),
}
SHAPES: dict[str, Callable[[Numbers], Numbers]] = {
    "1/(1 + ρ)": lambda rho: 1 / (1 + rho),
    "exp(−ρ)": lambda rho: np.exp(-rho),
    "1/√(1 + ρ)": lambda rho: 1 / np.sqrt(1 + rho),
    "1/(1 + ρ)²": lambda rho: 1 / (1 + rho) ** 2,
}


@dataclass(frozen=True)
class Form:
    """Σ over scales R of R^side · (Σ width^channels · gain · share of the noise)^depth.

    Attributes:
        noise: by which ρ is multiplied; 0: no noise.
        behind: `behind`, `before` or `all`: whose noise a layer is reduced by, its own included.
        layers: `ReLU`, `all` or `k>1`: which convolutions count.
    """

    gain: str = "½·log(1 + σ²), k"
    width: str = "c"
    channels: float = 0.5
    depth: float = 0.43
    side: float = 0.57
    noise: float = 2.0
    of: str = "1/c"
    shape: str = "1/(1 + ρ)"
    behind: str = "behind"
    layers: str = "ReLU"
    gates: bool = True

    def values(self, t: Table) -> Numbers:
        """The form of every network."""
        own = self.noise * NOISES[self.of](t)
        running = np.cumsum(own)
        before = running - (running[t.starts] - own[t.starts])[t.network]
        total = np.add.reduceat(own, t.starts)[t.network]
        share = SHAPES[self.shape]({"before": before, "behind": total - before + own, "all": total}[self.behind])
        counted = {"ReLU": t.relu, "all": 1.0, "k>1": t.relu * (t.kernel > 1) + 1e-9}[self.layers]
        worth = counted * {**WIDTHS, **BEHIND_FEWER}[self.width](t) ** self.channels * GAINS[self.gain](t) * share
        sums = np.add.reduceat(worth, t.scales)
        grown = (
            np.log1p(sums) if self.depth == 0 else (sums**self.depth if self.depth > 0 else -((1 + sums) ** self.depth))
        )
        value = np.bincount(t.network[t.scales], t.side[t.scales] ** self.side * grown, len(t.accuracy))
        if self.gates and len(t.gate_network):
            gate = t.gate_out**self.channels * 0.5 * np.log1p(t.gate_in * RELU) * share[t.gate_place]
            value = value + np.bincount(t.gate_network, gate, len(t.accuracy)) ** self.depth
        return value


FINAL = Form()
LEAD = Form("1", depth=0.5, side=0.75, noise=0, gates=False)
LOG = replace(LEAD, gain="log fan-in")
NOISY = replace(LOG, noise=1.0)
CAPACITY = replace(NOISY, gain="½·log(1 + σ²), k")


def first_zen_weighted(t: Table) -> Numbers:
    gain = (0.5 * np.log(t.fan_in * t.moment) + 0.5 * np.log(t.cout)) * t.relu
    sums = np.add.reduceat(gain, t.scales)
    return np.bincount(t.network[t.scales], np.sign(sums) * np.sqrt(t.side[t.scales] * abs(sums)), len(t.accuracy))


def forms() -> dict[str, Callable[[Table], Numbers]]:
    """Every idea in the order in which it was tried, each with the numbers that stood beside it then."""
    found: dict[str, Callable[[Table], Numbers]] = {
        "multiply-adds": lambda t: t.flops,
        "params": lambda t: t.params,
        "zen-weighted-1": first_zen_weighted,
    }

    def add(name: str, form: Form) -> None:
        found[name] = form.values

    add("lead: Σ R^¾·√(Σ √c)", LEAD)
    for p, q in ((0.3, 0.5), (0.5, 0.5), (0.5, 1.0)):
        add(f"lead, p = {p}, q = {q}", replace(LEAD, depth=p, side=q))
    for a in (0.25, 0.4, 1.0):
        add(f"lead, c^{a}", replace(LEAD, channels=a))
    for width in list(WIDTHS)[1:]:
        add(f"lead, {width} for c", replace(LEAD, width=width))
    for layers in ("all", "k>1"):
        add(f"lead, {layers} convolutions", replace(LEAD, layers=layers))
    add("multiply-adds of each layer, ¼ power", Form("1", "√(c·fan-in)", 0.5, 1, 0.5, 0, gates=False))
    for q in (0.25, 0.5, 0.75, 1.0):
        add(f"Σ R^{q}·log(1 + Σ √c)", replace(LEAD, depth=0, side=q))
    for gain in GAINS:
        add(f"lead with gain {gain}", replace(LEAD, gain=gain))
    for p, q in ((0.25, 0.25), (0.25, 0.375), (0, 0), (0, 0.125), (0, 0.25), (-0.25, 0), (-0.5, 0), (-0.5, -0.5)):
        add(f"log fan-in, p = {p}, q = {q}", replace(LOG, depth=p, side=q))
    for behind, shape, of in itertools.product(("before", "behind", "all"), ("exp(−ρ)",), NOISES):
        add(f"log fan-in, {shape} of {of}, {behind}", replace(NOISY, shape=shape, of=of, behind=behind))
    for shape, noise in itertools.product(SHAPES, (0.5, 1, 2, 4)):
        add(f"log fan-in, {shape}, ρ = Σ {noise}/c behind", replace(NOISY, shape=shape, noise=noise))
    for gain in GAINS:
        add(f"gain {gain}, noise 1/c", replace(NOISY, gain=gain))
    for gates in (False, True):
        add(f"capacity, noise 1/c, {'with' if gates else 'without'} gates", replace(CAPACITY, gates=gates))
    for width in BEHIND_FEWER:
        add(f"final, {width} for c", replace(FINAL, width=width))
    for of in NOISES:
        add(f"final, ρ of {of}", replace(FINAL, of=of))
    for behind in ("before", "all"):
        add(f"final, noise {behind}", replace(FINAL, behind=behind))
    for a in (0.3, 0.4, 0.6, 0.75):
        add(f"final, c^{a}", replace(FINAL, channels=a))
    for noise in (0, 0.5, 1, 3, 5, 10):
        add(f"final, noise {noise}/c", replace(FINAL, noise=noise))
    for p, q in ((0.5, 0.625), (0.5, 0.75), (0.4, 0.5), (1 / 3, 0.5), (0.75, 0.9), (1, 1.25)):
        add(f"final, p = {p:.2f}, q = {q}", replace(FINAL, depth=p, side=q))
    for p in (0.3, 0.35, 0.4, 0.45, 0.5, 0.55):
        add(f"final, p = {p}", replace(FINAL, depth=p, side=1 - p))
    add("final: zen-weighted", FINAL)
    return found


def measured(values: Numbers, t: Table) -> Measures:
    """Spearman, within tenths and regret over the recipes; Kendall's is left out, which takes the longest."""

    def of_one(places: NDArray[np.int64]) -> Measures:
        v, a, f = values[places], t.accuracy[places], t.flops[places]
        return Measures(correlation(v, a), float("nan"), within_parts(v, a, f), regret(v, a, f))

    return over_recipes([group for group in t.groups_of_recipes if len(group) > 2], of_one)


def show(name: str, rows: Sequence[Measures]) -> None:
    cells = [
        f"{m.spearman:.3f}" + ("" if np.isnan(m.within_flops) else f" ({m.within_flops:.2f})") + f" / {m.regret:.2f}"
        for m in rows
    ]
    print("| " + " | ".join([name, *cells]) + " |", flush=True)


def left_out(tables: dict[str, Table]) -> None:
    """Which p and noise all benchmarks but one choose by their mean Spearman, and what the one gets from it."""
    grid = {
        (p, noise): [measured(replace(FINAL, depth=p, side=1 - p, noise=noise).values(t), t) for t in tables.values()]
        for p in (0.35, 0.4, 0.43, 0.45, 0.475, 0.5, 0.55)
        for noise in (0, 1, 2, 3, 5)
    }
    for fixed, choices in (("p and the noise", grid), ("p", {n: r for n, r in grid.items() if n[1] == 2})):
        print(f"\n| left out | {fixed} chosen by the others | Spearman / regret with it | with the final constants |")
        print("| --- | --- | --- | --- |")
        for number, name in enumerate(tables):
            others = [i for i in range(len(tables)) if i != number]
            best = max(choices, key=lambda n: sum(choices[n][i].spearman for i in others))
            one, final = choices[best][number], grid[(0.43, 2)][number]
            print(
                f"| {name} | p = {best[0]}, {best[1]}/c | {one.spearman:.3f} / {one.regret:.2f} "
                f"| {final.spearman:.3f} / {final.regret:.2f} |"
            )


def write_grid(tables: dict[str, Table], path: Path) -> None:
    """The whole grid of constants as CSV, one row a form."""
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        kinds = [f"{name} {measure}" for name in tables for measure in ("spearman", "within", "regret")]
        out.writerow(["gain", "channels", "depth", "side", "noise", *kinds])
        gains = ("log fan-in", "½·log σ²", "½·log(1 + σ²), k")
        grid = itertools.product(
            gains, (0.4, 0.5, 0.6), (1 / 3, 0.4, 0.5, 0.75, 1), (1, 1.25, 1.5, 1.75), (0, 1, 2, 4, 8)
        )
        for gain, a, p, ratio, noise in grid:
            form = Form(gain, "c", a, p, p * ratio, noise)
            rows = [measured(form.values(t), t) for t in tables.values()]
            cells = [f"{v:.4f}" for m in rows for v in (m.spearman, m.within_flops, m.regret)]
            out.writerow([gain, a, round(p, 3), round(p * ratio, 4), noise, *cells])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", help="what zennas study reads")
    parser.add_argument("--csv", type=Path, help="file for the grid of constants")
    arguments = parser.parse_args()
    tables = {}
    for source in arguments.files:
        known = read_networks(source)
        tables[known.title.partition(" (")[0]] = Table(known.networks)
    print("| form | " + " | ".join(tables) + " |")
    print("| --- |" + " --- |" * len(tables))
    for name, values in forms().items():
        show(name, [measured(values(t), t) for t in tables.values()])
    left_out(tables)
    if arguments.csv:
        write_grid(tables, arguments.csv)


if __name__ == "__main__":
    main()
