"""Which choices moved the score: permutation importance in a surrogate of a run's candidates.

A random forest learns the score of a run's candidates from their choices, stage by stage. Importance is what the
forest's R² on held-out candidates loses where a choice is permuted among them (Breiman 2001).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zennas.architecture.model import SuperBlock
from zennas.optional_dependencies import require
from zennas.report.run_summary import kind_label
from zennas.runs.result import SearchResult
from zennas.runs.stopping import RUNNING
from zennas.searching.population import Candidate

MOST = 4000
"""Candidates that the surrogate is fitted to, evenly chosen of more."""
FEWEST = 60
CHOICES = ("depth", "width", "bottleneck", "kernel", "type")
TREES, REPEATS = 100, 5
GROWTH = 0.1
"""Share by which a run that goes on must have grown to be learned from anew."""


@dataclass(frozen=True)
class Importance:
    """One choice at one stage.

    Attributes:
        choice: one of `CHOICES`.
        stage: number of the stage, from 1; a stage ends where a stride begins the next.
        value: mean loss of R² over the permutations.
        std: its standard deviation.
    """

    choice: str
    stage: int
    value: float
    std: float


@dataclass(frozen=True)
class Importances:
    """What moved the score of a run's candidates.

    Attributes:
        rows: the largest first.
        r2: of the surrogate on held-out candidates: how far to trust the rest.
        candidates: that it was fitted to and tested on.
    """

    rows: tuple[Importance, ...]
    r2: float
    candidates: int


def importances(candidates: Sequence[Candidate], seed: int = 0) -> Importances | None:
    """The importance of each choice at each stage; `None` of fewer than `FEWEST` candidates, or where the
    scores or the networks are all equal.

    Args:
        candidates: of one run.
        seed: of the split, the forest and the permutations.

    Raises:
        MissingExtraError: scikit-learn is not installed.
    """
    forest = require("sklearn.ensemble", "report", "the importance of choices").RandomForestRegressor
    split = require("sklearn.model_selection", "report", "the importance of choices").train_test_split
    permuted = require("sklearn.inspection", "report", "the importance of choices").permutation_importance
    chosen = candidates[:: max(1, -(-len(candidates) // MOST))]
    scores = np.array([candidate.score for candidate in chosen])
    if len(chosen) < FEWEST or np.ptp(scores) == 0:
        return None
    names, table = _choices([candidate.super_blocks for candidate in chosen])
    varied = np.flatnonzero(np.ptp(table, axis=0) > 0)
    if not len(varied):
        return None
    learned, tested, targets, truth = split(table[:, varied], scores, test_size=0.25, random_state=seed)
    model = forest(TREES, min_samples_leaf=3, random_state=seed).fit(learned, targets)
    found = permuted(model, tested, truth, n_repeats=REPEATS, random_state=seed)
    rows = [
        Importance(*names[column], float(value), float(std))
        for column, value, std in zip(varied, found.importances_mean, found.importances_std, strict=True)
    ]
    rows.sort(key=lambda row: -row.value)
    return Importances(tuple(rows), float(model.score(tested, truth)), len(chosen))


class KeptImportances:
    """Importances of runs that are looked at again and again: those of a run that goes on are kept until it has scored
    a tenth more networks.

    A forest takes seconds, and hardly changes with a few more networks. Of a run that has ended it is that of all.
    """

    def __init__(self) -> None:
        self._kept: dict[Path | None, tuple[int, Importances]] = {}

    def __call__(self, result: SearchResult, candidates: Sequence[Candidate]) -> Importances | None:
        """What `importances` says of a run's candidates, or said not long ago.

        Args:
            result: of the run.
            candidates: those of it that are drawn.
        """
        at, kept = self._kept.get(result.directory, (0, None))
        grown = result.scored - at
        if kept is not None and (grown == 0 or (result.status == RUNNING and grown < GROWTH * at)):
            return kept
        found = importances(candidates)
        if found is not None:
            self._kept[result.directory] = result.scored, found
        return found


def _choices(networks: Sequence[Sequence[SuperBlock]]) -> tuple[list[tuple[str, int]], NDArray[np.float64]]:
    """Names of the columns and the choices of each network, 0 where a network has no such stage."""
    split = [_stages(blocks) for blocks in networks]
    kinds: Counter[str] = Counter(kind for stages in split for stage in stages for kind in map(kind_label, stage))
    codes = {kind: number for number, (kind, _) in enumerate(kinds.most_common(), start=1)}
    count = max(map(len, split))
    table = np.zeros((len(networks), count * len(CHOICES)))
    for row, stages in enumerate(split):
        for number, stage in enumerate(stages):
            layers = np.array([block.layers for block in stage], float)
            main = max(stage, key=lambda block: block.layers)
            table[row, number * len(CHOICES) : (number + 1) * len(CHOICES)] = (
                layers.sum(),
                np.average([block.out_channels for block in stage], weights=layers),
                np.average([block.bottleneck for block in stage], weights=layers),
                np.average([block.kernel for block in stage], weights=layers),
                codes[kind_label(main)],
            )
    return [(choice, stage + 1) for stage in range(count) for choice in CHOICES], table


def _stages(blocks: Sequence[SuperBlock]) -> list[list[SuperBlock]]:
    stages: list[list[SuperBlock]] = [[]]
    for block in blocks:
        if block.stride > 1 and stages[-1]:
            stages.append([])
        stages[-1].append(block)
    return stages
