"""Candidates as rows are those that they would be as objects."""

import copy
import pickle
from dataclasses import fields, replace

import numpy as np
import pytest

from tests.searching.compiled.test_core import grown
from zennas.searching.compiled.bred import joined
from zennas.searching.population import Candidate, Population
from zennas.spaces.space import search_space

pytest.importorskip("numba")


@pytest.fixture(scope="module")
def rounds():
    """Rounds of one search. Parts of mutations become more from one to the next where networks become deeper."""
    space, rng = search_space("mobilenet", 64, se=True), np.random.default_rng(5)
    return [found for _, found, _, _ in grown(space, 64, rng, rounds=5)]


def by_hand(candidate):
    return Candidate(*(getattr(candidate, field.name) for field in fields(Candidate)))


def test_a_candidate_is_that_made_by_hand(rounds):
    for candidate in rounds[1]:
        assert isinstance(candidate, Candidate)
        made = by_hand(candidate)
        assert candidate == made
        assert made == candidate
        assert hash(candidate) == hash(made)
        assert candidate != replace(made, score=-1.0)
        assert candidate != replace(made, super_blocks=made.super_blocks[:-1])
        assert replace(candidate, score=-1.0) == replace(made, score=-1.0)
        with pytest.raises(AttributeError):
            candidate.nothing  # noqa: B018


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda c: pickle.loads(pickle.dumps(c))])
def test_a_candidate_can_be_copied_and_sent_before_anybody_looked_at_it(rounds, again):
    fresh = rounds[2].numbered(rounds[2].first, rounds[2].parents.tolist())
    assert [again(c) for c in fresh] == [by_hand(c) for c in rounds[2]]


def test_a_round_is_a_sequence(rounds):
    found = rounds[0]
    assert found[-1] is found[len(found) - 1]
    assert found[2:4] == [found[2], found[3]]
    assert list(found) == [found[place] for place in range(len(found))]
    with pytest.raises(IndexError):
        found[len(found)]


def test_rounds_are_joined(rounds):
    whole = joined([rounds[0], rounds[1], rounds[2]])
    assert list(whole) == [candidate for found in rounds[:3] for candidate in found]
    more = np.pad(rounds[0].mutated, ((0, 0), (0, 0), (0, 2), (0, 0)))
    wider = replace(rounds[0], mutated=more, _objects={})
    assert list(joined([wider, rounds[1], wider])) == [*rounds[0], *rounds[1], *found_again(rounds)]


def found_again(rounds):
    """The first round, once more behind the first two."""
    first = rounds[0].first + len(rounds[0]) + len(rounds[1])
    return [replace(candidate, id=first + place) for place, candidate in enumerate(rounds[0])]


def test_other_ids(rounds):
    found = rounds[3]
    other = found.numbered(1000, [number + 7 for number in found.parents.tolist()])
    assert list(other) == [replace(c, id=1000 + place, parent=c.parent + 7) for place, c in enumerate(found)]


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_population_takes_what_it_would_take_one_by_one(rounds, size):
    rng = np.random.default_rng(size)
    by_rounds, one_by_one = Population((), size), Population((), size)
    for found in rounds:
        scored = replace(found, scores=rng.integers(0, 9, len(found)).astype(float), _objects={})
        by_rounds.offer_each(scored, scored.scores.tolist(), range(len(scored)))
        for candidate in scored:
            one_by_one.offer(candidate)
        assert by_rounds == one_by_one
        assert by_rounds.members == set(by_rounds.ids())
