from hypothesis import given, settings
from hypothesis import strategies as st

import zennas
from zennas.architecture.model import SuperBlock
from zennas.designing.choosing import choose
from zennas.designing.distance import Space, distance


def network(*blocks):
    return tuple(blocks)


def conv(width, layers=1, kernel=3, stride=1, block="Res", inner=8):
    return SuperBlock(block, kernel, 8, width, stride, inner, layers)


BLOCKS = st.builds(
    conv,
    st.sampled_from([8, 16, 32, 64]),
    st.integers(1, 4),
    st.sampled_from([3, 5]),
    st.sampled_from([1, 2]),
    st.sampled_from(["Res", "Btn"]),
    st.sampled_from([8, 16]),
)
NETWORKS = st.lists(BLOCKS, min_size=1, max_size=5).map(tuple)


def plain(one, other):
    """The distance by the textbook's table, a cell at a time."""
    from math import log2

    def layers(blocks):
        return [(b, b.stride if n == 0 else 1) for b in blocks for n in range(b.layers)]

    def change(first, second):
        (a, s), (b, t) = first, second
        kind = (a.block, a.kernel) != (b.block, b.kernel)
        widths = abs(log2(a.out_channels / b.out_channels)) + abs(log2(a.bottleneck / b.bottleneck))
        return 0.5 * widths + 0.5 * kind + (s != t)

    a, b = layers(one), layers(other)
    cost = {(i, 0): float(i) for i in range(len(a) + 1)} | {(0, j): float(j) for j in range(len(b) + 1)}
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            steps = cost[i - 1, j] + 1, cost[i, j - 1] + 1, cost[i - 1, j - 1] + change(a[i - 1], b[j - 1])
            cost[i, j] = min(steps)
    return cost[len(a), len(b)]


@settings(max_examples=150, deadline=None)
@given(st.lists(NETWORKS, min_size=1, max_size=5))
def test_it_is_the_edit_distance(networks):
    for number, one in enumerate(networks):
        found = Space(networks).distances(number)
        for other, value in zip(networks, found, strict=True):
            assert abs(value - plain(one, other)) < 1e-9


@settings(max_examples=150, deadline=None)
@given(NETWORKS, NETWORKS, NETWORKS)
def test_it_is_a_metric(a, b, c):
    assert distance(a, a) == 0
    assert distance(a, b) == distance(b, a)
    assert distance(a, c) <= distance(a, b) + distance(b, c) + 1e-9


def test_what_single_changes_cost():
    base = network(conv(16), conv(32, 3))
    assert distance(base, network(conv(16), conv(32, 4))) == 1
    assert distance(base, network(conv(16), conv(32, 1), conv(32, 2))) == 0
    assert distance(base, network(conv(16), conv(64, 3, inner=16))) == 3
    assert distance(base, network(conv(16, kernel=5), conv(32, 3))) == 0.5
    assert distance(base, network(conv(16), conv(32, 3, stride=2))) == 1


@settings(max_examples=100, deadline=None)
@given(st.lists(NETWORKS, min_size=2, max_size=30), st.integers(1, 8), st.sampled_from([1.0, 3.0]), st.integers(0, 99))
def test_choices_are_the_best_and_differ(networks, count, apart, seed):
    import numpy as np

    worth = np.random.default_rng(seed).random(len(networks))
    space = Space(networks)
    chosen = choose(space, worth, count, apart)
    assert 1 <= len(chosen) <= min(count, len(networks))
    assert chosen[0].number == int(np.argmax(worth))
    for place, choice in enumerate(chosen[1:], start=1):
        to_others = min(distance(networks[choice.number], networks[c.number]) for c in chosen[:place])
        assert abs(choice.nearest - to_others) < 1e-9
        assert to_others >= 0.25
    if len(chosen) < count:
        numbers = {choice.number for choice in chosen}
        left = [n for n in range(len(networks)) if n not in numbers]
        assert all(min(distance(networks[n], networks[m]) for m in numbers) < 0.25 for n in left)


def test_pools_take_turns_and_what_is_taken_is_not_chosen():
    networks = [network(conv(8, layers)) for layers in (1, 5, 9, 13, 17, 21)]
    chosen = choose(Space(networks), [6, 5, 4, 3, 2, 1], 4, 3.0, taken=[0], pools=[[0, 1, 2], [3, 4, 5]])
    assert [choice.number for choice in chosen] == [1, 3, 2, 4]


def test_networks_of_the_zoo_are_apart():
    small, large = (zennas.load(name).super_blocks for name in ("zennet-cifar-0.5M", "zennet-cifar-2.0M"))
    assert distance(small, large) > 3
