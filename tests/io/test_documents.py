import pytest

from zennas.errors import FileError, shortened
from zennas.io.documents import MAX_ALIASED, MAX_DEPTH, load_json, load_yaml

BOMB = "a0: &a0 [x]\n" + "".join(
    f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]\n" for level in range(1, 11)
)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (BOMB, f"aliases that stand for more than {MAX_ALIASED} values"),
        (BOMB.replace("[", "{k: [").replace("]", "]}"), "aliases"),
        ("a: &a [1, *a]", "line 1, column 11: the alias *a stands for what it is in"),
        ("[" * 200 + "]" * 200, f"nested deeper than {MAX_DEPTH}"),
        ("- " * 200, f"nested deeper than {MAX_DEPTH}"),
        ("a: 0x" + "f" * 200_000, "a number of 200002 characters"),
        ("a: " + "9" * 5000, "line 1, column 4: a number of 5000 characters"),
        ("a: 1" + ":59" * 5000, "a number of 15001 characters"),
        ("a: *" + "x" * 5000, "undefined alias"),
        ("a: !!" + "x" * 5000 + " b", "could not determine a constructor"),
        ("a: 2001-99-99", "not valid YAML"),
        ("!!int {=: x}", "not valid YAML"),
        ("? [a, {b: c}]\n: d", "not valid YAML"),
    ],
)
def test_yaml_that_is_too_much_is_refused_in_a_short_line(text, says):
    with pytest.raises(FileError) as error:
        load_yaml(text, "f.yaml")
    assert says in str(error.value)
    assert len(str(error.value)) < 250
    assert "\n" not in str(error.value)


def test_aliases_and_merges_are_read():
    text = "a: &a {x: 1, y: [1, 2]}\nb: {<<: *a, x: 2}\nc: [*a, *a]\nd: &s text\ne: *s\n"
    a, b = {"x": 1, "y": [1, 2]}, {"x": 2, "y": [1, 2]}
    assert load_yaml(text, "f") == {"a": a, "b": b, "c": [a, a], "d": "text", "e": "text"}
    assert load_yaml("[-0x1F, 1_000, 1e3, .5, 0b11, 1:30]", "f") == [-31, 1000, "1e3", 0.5, 3, 90]


def test_an_alias_counts_all_that_it_stands_for():
    many = "a: &a [" + "1, " * 999 + "1]\n"
    within = MAX_ALIASED // 1001
    assert len(load_yaml(many + f"b: [{', '.join(['*a'] * within)}]", "f")["b"]) == within
    with pytest.raises(FileError, match="aliases"):
        load_yaml(many + f"b: [{', '.join(['*a'] * (within + 1))}]", "f")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("9" * 5000, "a whole number of 5000 characters"),
        ("[" * 100_000, "too many brackets"),
        ("{", "f.json: not JSON: Expecting"),
    ],
)
def test_json_that_is_too_much_is_refused_in_a_short_line(text, says):
    with pytest.raises(FileError) as error:
        load_json(text, "f.json")
    assert says in str(error.value)
    assert len(str(error.value)) < 250


def test_values_are_shown_as_they_are_or_shortened():
    for value in ("wide", 3, -2.5, None, True, [1, "a"], {"a": 1}, 10**30):
        assert shortened(value) == repr(value)
    loop: list[object] = []
    loop += [loop] * 9
    for value in (
        "y" * 10**6,
        list(range(10**6)),
        dict.fromkeys(range(1000), "x" * 1000),
        10**100_000,
        -(10**9000),
        loop,
    ):
        assert len(shortened(value)) <= 80
    assert shortened("a" + "b" * 500 + "c").startswith("'abb")
    assert shortened("a" + "b" * 500 + "c").endswith("bbc'")
