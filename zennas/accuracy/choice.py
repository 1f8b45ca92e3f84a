"""Which score to use, from studies: the lines that a comparison ends with."""

import math
from collections.abc import Sequence
from statistics import mean

from zennas.accuracy.study import ScoreRanking, Study

BASELINE = "flops"
"""Multiply-adds, which every score has to beat."""
OF_THE_PAPER = ("meanfield", "zen")


def which_score(studies: Sequence[Study]) -> tuple[str, ...]:
    """Which of the studied scores finds accurate networks, and what the paper's is for; one line each.

    Args:
        studies: one a file, all by the same scores. The score that ranks best on most files is named, of equals the
            one of the better mean place; where a file's intervals are known, those that the next score's interval
            meets are counted too.
    """
    ranked = [_in_order(study) for study in studies]
    ranked = [rankings for rankings in ranked if rankings]
    if not ranked:
        return ()
    best = max({r.score for rankings in ranked for r in rankings}, key=lambda score: _success(score, ranked))
    wins = sum(rankings[0].score == best for rankings in ranked)
    lines = [f"to find accurate networks: {best}, the first by rank correlation on {wins} of {_files(len(ranked))}"]
    doubtful = sum(_meets_the_next(rankings) for rankings in ranked if rankings[0].score == best)
    if doubtful:
        lines[0] += f" ({doubtful} of them within the interval of the next)"
    lost, baseline = (_mean_regret(score, ranked) for score in (best, BASELINE))
    if best != BASELINE and not math.isnan(lost) and not math.isnan(baseline):
        lines[0] += f"; its picks lose {lost:.2f} points of accuracy, those of multiply-adds {baseline:.2f}"
    of_the_paper = [score for score in OF_THE_PAPER if any(r.score == score for r in ranked[0])]
    if of_the_paper and best not in of_the_paper:
        lines.append(f"to compare with the paper: {' or '.join(of_the_paper)}, the Zen-score")
    return tuple(lines)


def _in_order(study: Study) -> list[ScoreRanking]:
    known = [ranking for ranking in study.rankings if not math.isnan(ranking.spearman)]
    return sorted(known, key=lambda ranking: -ranking.spearman)


def _success(score: str, ranked: Sequence[Sequence[ScoreRanking]]) -> tuple[int, float]:
    """Files on which a score is the first, and its mean place with the sign turned."""
    places = [
        [r.score for r in rankings].index(score) for rankings in ranked if any(r.score == score for r in rankings)
    ]
    return places.count(0), -mean(places)


def _meets_the_next(rankings: Sequence[ScoreRanking]) -> bool:
    return len(rankings) > 1 and rankings[0].low.spearman <= rankings[1].high.spearman


def _mean_regret(score: str, ranked: Sequence[Sequence[ScoreRanking]]) -> float:
    lost = [r.regret for rankings in ranked for r in rankings if r.score == score and not math.isnan(r.regret)]
    return mean(lost) if lost else math.nan


def _files(count: int) -> str:
    return f"{count} file" if count == 1 else f"{count} files"
