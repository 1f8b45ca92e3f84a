"""Accuracy learned from a few networks of benchmarks, ranking the rest: the figures, and everything that was tried.

OMP_NUM_THREADS=1 python benchmarks/learned.py counts nas_bench_macro.json channel_bench_macro_resnet.json
OMP_NUM_THREADS=1 python benchmarks/learned.py tries nas_bench_macro.json channel_bench_macro_resnet.json
OMP_NUM_THREADS=1 python benchmarks/learned.py digits channel_bench_macro_resnet.json
OMP_NUM_THREADS=1 python benchmarks/learned.py wider channel_bench_macro_resnet.json
OMP_NUM_THREADS=1 python benchmarks/learned.py speed nas_bench_macro.json --seeds 3

`counts` prints a Markdown table by networks that are learned from, chosen and at random, as `zennas study --fit` has
them. `tries` compares learners, features and choices, each without falling back: mean and lowest Spearman over the
seeds, and regret as a share of the zero-shot score's. `digits` learns from the widths of the layers themselves.
`wider` learns from 20 of Channel-Bench-Macro's ResNets and searches a space of such blocks that is twice as wide.
`speed` learns from 20 networks of a file, and counts what searches score in a second of processor time.
"""

import argparse
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from benchmark import table
from sklearn.ensemble import GradientBoostingRegressor

import zennas
from zennas.accuracy import learner
from zennas.accuracy.choosing import CHOICES, Choice, choose, spread
from zennas.accuracy.examples import BASELINES, Examples, examples
from zennas.accuracy.fitted_study import fitted_study
from zennas.accuracy.learner import (
    LEARNERS,
    MOST_POINTS,
    Learner,
    Trained,
    calibrated,
    fit,
    gaussian_process,
    ridge,
    scaled,
)
from zennas.accuracy.measures import Indices, Values, correlation, regret
from zennas.accuracy.networks import read_networks
from zennas.scores.learned.corrections import Correction
from zennas.scores.learned.features import FEATURES, described

COUNTS = (10, 20, 50, 100)
TRIED_COUNTS = (20, 100)
COSTS = ("params", "flops")
PLACES = ("tilt", "first")


@dataclass(frozen=True)
class Boosted:
    """Gradient boosting in the place of a correction."""

    model: GradientBoostingRegressor
    features: int

    def mean(self, features: Values) -> Values:
        """What is added."""
        return self.model.predict(features)


def boosting(features: Values, log_score: Values, target: Values, noise: Values) -> Trained:
    """Shallow trees on what the calibrated score leaves."""
    intercept, slope = calibrated(log_score, target)
    model = GradientBoostingRegressor(n_estimators=60, max_depth=2, subsample=0.8, random_state=0)
    model.fit(features, target - intercept - slope * log_score)
    return Trained(intercept, slope, Boosted(model, features.shape[1]))  # type: ignore[arg-type]


def without_score(features: Values, log_score: Values, target: Values, noise: Values) -> Trained:
    """The Gaussian process around a constant; the zero-shot score is a feature alone."""
    return gaussian_process(features, np.zeros(len(target)), target, noise)


def corners(pool: Examples, count: int, rng: np.random.Generator) -> Indices:
    """Each next network the one that differs most from all before."""
    features, _ = scaled(pool.networks).standardised(pool.networks)
    taken = [int(rng.integers(len(pool)))]
    distances = np.full(len(pool), np.inf)
    while len(taken) < count:
        distances = np.minimum(distances, ((features - features[taken[-1]]) ** 2).sum(axis=1))
        taken.append(int(distances.argmax()))
    return np.array(taken)


def with_prior(length: float = 2.0, noise: float = 0.06) -> Learner:
    """The Gaussian process under another prior; medians of the length of a feature and of the noise's variance."""

    def learn(features: Values, log_score: Values, target: Values, known_noise: Values) -> Trained:
        before = learner.PRIOR
        learner.PRIOR = (before[0], length, noise)
        try:
            return gaussian_process(features, log_score, target, known_noise)
        finally:
            learner.PRIOR = before

    return learn


@dataclass(frozen=True)
class Both:
    """The mean of two corrections in the place of one."""

    one: Correction
    other: Correction
    features: int

    def mean(self, features: Values) -> Values:
        """What is added."""
        return (self.one.mean(features) + self.other.mean(features)) / 2


def both(features: Values, log_score: Values, target: Values, noise: Values) -> Trained:
    """The mean of what the Gaussian process and the ridge regression predict."""
    one, other = (learn(features, log_score, target, noise) for learn in (gaussian_process, ridge))
    correction = Both(one.correction, other.correction, features.shape[1])
    return Trained((one.intercept + other.intercept) / 2, (one.slope + other.slope) / 2, correction)  # type: ignore[arg-type]


def best_share(share: float) -> Choice:
    """Spread over the networks of the highest zero-shot scores alone."""

    def chosen(pool: Examples, count: int, rng: np.random.Generator) -> Indices:
        best = np.argsort(pool.networks.log_score, kind="stable")[int(len(pool) * (1 - share)) :]
        return best[spread(pool.at(best), count, rng)]

    return chosen


@dataclass(frozen=True)
class Try:
    """One way of learning.

    Attributes:
        learner: of `LEARNERS`, or one of those above.
        choice: of networks.
        left_out: features that are not learned from.
        baseline: zero-shot score that is corrected.
    """

    learner: str = "gaussian-process"
    choice: str = "spread"
    left_out: tuple[str, ...] = ()
    baseline: str = BASELINES[0]


SHAPES = ("layers", "width", "tilt", "first", "last")
TRIES: Mapping[str, Try] = {
    "Gaussian process, spread": Try(),
    "chosen by zero-shot score alone": Try(choice="score"),
    "chosen by cost": Try(choice="cost"),
    "chosen at random": Try(choice="random"),
    "chosen farthest first": Try(choice="corners"),
    "chosen from the half of the highest zero-shot scores": Try(choice="best half"),
    "chosen from three quarters of the highest": Try(choice="best three quarters"),
    "ridge": Try("ridge"),
    "mean of Gaussian process and ridge": Try("both"),
    "prior: half the length": Try("short"),
    "prior: twice the length": Try("long"),
    "prior: 2.5 times the noise": Try("noisy"),
    "gradient boosting": Try("boosting"),
    "without the zero-shot score as mean": Try("without score"),
    "corrects meanfield": Try(baseline="meanfield"),
    "corrects multiply-adds": Try(baseline="flops"),
    "features: costs and score alone": Try(left_out=SHAPES),
    "features: without tilt and first": Try(left_out=PLACES),
    "features: without costs": Try(left_out=COSTS),
    "features: layers and last alone": Try(left_out=("width", "tilt", "first")),
}


@contextmanager
def tried(way: Try) -> Iterator[None]:
    """What the learner finds registered while a way is tried."""
    before = dict(FEATURES), dict(LEARNERS), dict(CHOICES)
    for name in way.left_out:
        FEATURES[name] = replace(FEATURES[name], learned=False)
    LEARNERS.update({"boosting": boosting, "without score": without_score, "both": both})
    LEARNERS.update({"short": with_prior(1), "long": with_prior(4), "noisy": with_prior(noise=0.15)})
    CHOICES.update({"corners": corners, "best half": best_share(0.5), "best three quarters": best_share(0.75)})
    try:
        yield
    finally:
        registries: tuple[dict[str, Any], ...] = (FEATURES, LEARNERS, CHOICES)
        for registry, content in zip(registries, before, strict=True):
            registry.clear()
            registry.update(content)


def outcome(pool: Examples, way: Try, count: int, seed: int) -> tuple[float, float]:
    """Spearman over the other networks, and regret as a share of the zero-shot score's."""
    with tried(way):
        places = choose(pool, count, np.random.default_rng(seed), way.choice)
        others = pool.at(np.setdiff1d(np.arange(len(pool)), places))
        target = fit(pool.at(places).on(way.baseline), way.learner).target(others.on(way.baseline).networks)
    zero_shot = regret(others.networks.log_score, others.accuracy, others.flops)
    return correlation(target, others.accuracy), regret(target, others.accuracy, others.flops) / max(zero_shot, 1e-9)


def tries(files: Sequence[str], seeds: int) -> None:
    """Print a table of every way that was tried."""
    pools = {file: examples(read_networks(file).networks) for file in files}
    rows = []
    for name, way in TRIES.items():
        cells = [name]
        for pool in pools.values():
            for count in TRIED_COUNTS:
                found = np.array([outcome(pool, way, count, seed) for seed in range(seeds)])
                cells.append(f"{found[:, 0].mean():.3f} ({found[:, 0].min():.3f}) / {found[:, 1].mean():.0%}")
        print(" | ".join(cells), flush=True)
        rows.append(cells)
    header = ["way", *(f"{Path(file).stem}, {count}" for file in files for count in TRIED_COUNTS)]
    print(table(header, rows))


def digits(files: Sequence[str], seeds: int) -> None:
    """Print how well the widths of Channel-Bench-Macro's layers themselves are learned from: what features of a shape
    could at most tell apart."""
    known = read_networks(files[0]).networks
    pool = examples(known)
    widths = np.log([[int(digit) for digit in network.name[-7:]] for network in known])
    widths = (widths - widths.mean(axis=0)) / widths.std(axis=0)
    rows = []
    for count in (*TRIED_COUNTS, MOST_POINTS):
        found = []
        for seed in range(seeds):
            places = choose(pool, count, np.random.default_rng(seed))
            some, rest = pool.at(places), np.setdiff1d(np.arange(len(pool)), places)
            others = pool.at(rest)
            trained = gaussian_process(widths[places], some.networks.log_score, some.target, some.noise)
            line = trained.intercept + trained.slope * others.networks.log_score
            target = line + trained.correction.mean(widths[rest])
            least = regret(others.networks.log_score, others.accuracy, others.flops)
            gained = regret(target, others.accuracy, others.flops) / least
            found.append((correlation(target, others.accuracy), gained))
        spearman, share = np.mean(found, axis=0)
        rows.append([str(count), f"{spearman:.3f}", f"{share:.0%}"])
    print(table(["trained", "Spearman", "regret / zero-shot's"], rows))


def counts(files: Sequence[str], seeds: int) -> None:
    """Print a table by networks that are learned from."""
    rows = []
    for file in files:
        known = read_networks(file)
        for count in COUNTS:
            for choice in ("spread", "random"):
                found = fitted_study(known, count, seeds, choice)
                one, base = found.fitted, found.zero_shot
                rows.append(
                    [
                        known.title.partition(" (")[0],
                        str(count),
                        choice,
                        f"{one.spearman:.3f} ({found.lowest.spearman:.3f}–{found.highest.spearman:.3f})",
                        f"{base.spearman:.3f}",
                        f"{one.kendall:.3f}",
                        f"{one.within_flops:.2f} / {base.within_flops:.2f}",
                        f"{one.regret:.2f} / {base.regret:.2f}",
                        f"{found.fell_back:.0%}",
                    ]
                )
                print(" | ".join(rows[-1]), flush=True)
    header = [
        "benchmark",
        "trained",
        "chosen",
        "Spearman",
        "zero-shot",
        "Kendall",
        "within tenths",
        "regret",
        "fell back",
    ]
    print(table(header, rows))


def wider(files: Sequence[str], seeds: int) -> None:
    """Print a table of what searches find in a space twice as wide as the trained ResNets."""
    rows = []
    for seed in range(seeds):
        known = read_networks(files[0])
        places = choose(examples(known.networks), 20, np.random.default_rng(seed))
        some = replace(known, networks=tuple(known.networks[place] for place in places))
        model = zennas.fit_accuracy(some, seed=seed)
        with TemporaryDirectory() as folder:
            file, space = Path(folder) / "model.json", Path(folder) / "wide.yaml"
            model.save(file)
            space.write_text(WIDE)
            for budget in ("0.4G", "1G", "4G"):
                for name, score in {
                    "accuracy": f"accuracy:{file}",
                    "accuracy, lower": f"accuracy:{file}:lower",
                    "accuracy, upper": f"accuracy:{file}:upper",
                    "zen-weighted": "zen-weighted",
                }.items():
                    found = zennas.search(
                        str(space),
                        32,
                        10,
                        flops=budget,
                        score=score,
                        algorithm="evolution",
                        rescore=0,
                        iterations=16_000,
                        seed=seed,
                    )
                    (mean,), (std,) = model.predict([found.architecture], 32)
                    networks = described([found.architecture], [32], [10], model.baseline.score)
                    _, beyond = model.scaling.standardised(networks)
                    zero_shot = np.exp(networks.log_score[0])
                    cells = (f"{mean:.2f} ± {std:.2f}", f"{np.exp(-0.5 * beyond[0]):.2f}", f"{zero_shot:.1f}")
                    rows.append([str(seed), budget, name, *cells])
                    print(" | ".join(rows[-1]), flush=True)
    print(table(["seed", "multiply-adds", "score of the search", "predicted [%]", "trust", "zen-weighted"], rows))


def speed(files: Sequence[str], seeds: int) -> None:
    """Print a table of what searches score in a second of processor time, writing no run; the scores take turns."""
    known = read_networks(files[0])
    places = choose(examples(known.networks), 20, np.random.default_rng(0))
    model = zennas.fit_accuracy(replace(known, networks=tuple(known.networks[place] for place in places)))
    with TemporaryDirectory() as folder:
        file = Path(folder) / "model.json"
        model.save(file)
        scores = {
            "accuracy": f"accuracy:{file}",
            "accuracy, upper": f"accuracy:{file}:upper",
            "zen-weighted": "zen-weighted",
        }
        speeds: dict[str, list[float]] = {name: [] for name in scores}
        for seed in range(-1, seeds):
            for name, score in scores.items():
                before = time.process_time()
                found = zennas.search("resnet", 32, 10, params="1M", score=score, rescore=0, seed=max(seed, 0))
                if seed >= 0:  # the first turn loads what is compiled
                    speeds[name].append(found.scored / (time.process_time() - before))
    rows = [[name, f"{np.median(found):,.0f}", f"{max(found):,.0f}"] for name, found in speeds.items()]
    print(table(["score of the search", "networks scored a second, median", "most"], rows))


WIDE = """name: wide
base: resnet
choices: [{block: Basic, kernel: 3}]
stem: {block: Conv, kernel: 3, in: 3, out: 64, stride: 2}
stem_width: {low: 64, high: 512, step: 32}
has_head: false
stage_strides: [1, 2]
width: {low: 64, high: 1024, step: 32}
bottleneck: {low: 64, high: 1024, step: 32}
layers: {low: 1, high: 4}
"""
"""Blocks of Channel-Bench-Macro's ResNets, twice as wide at most."""


def main() -> None:
    """Measure one of the tables."""
    parts: dict[str, Callable[[Sequence[str], int], None]] = {
        "counts": counts,
        "tries": tries,
        "digits": digits,
        "wider": wider,
        "speed": speed,
    }
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=parts)
    parser.add_argument("files", nargs="+")
    parser.add_argument("--seeds", type=int, default=10)
    arguments = parser.parse_args()
    parts[arguments.part](arguments.files, arguments.seeds)


if __name__ == "__main__":
    main()
