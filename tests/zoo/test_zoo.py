import pytest

import zennas
from zennas.errors import UnknownNameError
from zennas.zoo import zoo_entry, zoo_names

# Params and multiply-adds in millions: the third column of the mended misprints, and Tables 6 and 15 to 17.
PAPER = {
    "zennet-cifar-0.5M": (0.50, 136),
    "zennet-cifar-1.0M": (0.99, 159),
    "zennet-cifar-2.0M": (1.98, 481),
    "zennet-imagenet-0.1ms": (34.5, 1800),
    "zennet-imagenet-0.2ms": (44.6, 2993),
    "zennet-imagenet-0.3ms": (86.5, 5127),
    "zennet-imagenet-0.5ms": (148.2, 8180),
    "zennet-imagenet-0.8ms": (105.1, 9410),
    "zennet-imagenet-400M-se": (12.4, 443),
    "zennet-imagenet-600M-se": (12.6, 670),
    "zennet-imagenet-900M-se": (19.4, None),
}


@pytest.mark.parametrize("name", PAPER)
def test_networks_cost_what_the_paper_says(name):
    entry = zoo_entry(name)
    costs = zennas.costs(entry.architecture, None, entry.num_classes)
    params, flops = PAPER[name]
    assert costs.params / 1e6 == pytest.approx(params, rel=0.01)
    if flops is not None:
        assert costs.flops / 1e6 == pytest.approx(flops, rel=0.01)


def test_every_table_and_the_later_version_are_there():
    names = zoo_names()
    assert set(PAPER) <= set(names)
    later = ["400M-se", "600M-se", *(f"{t}ms" for t in ("0.1", "0.2", "0.3", "0.5", "0.8", "1.2"))]
    assert {f"zennet-iccv-{n}" for n in later} <= set(names)
    assert len(names) == 19


def test_the_later_flops_networks_cost_what_they_are_named_after():
    for millions in (400, 600):
        costs = zennas.costs(zennas.load(f"zennet-iccv-{millions}M-se"))
        assert costs.flops / 1e6 == pytest.approx(millions, rel=0.01)


def test_mends_are_noted_beside_the_data():
    assert "480" in zoo_entry("zennet-imagenet-0.1ms").corrected[0]
    assert zoo_entry("zennet-imagenet-0.2ms").corrected == ()


def test_unknown_names_get_the_nearest():
    with pytest.raises(UnknownNameError, match=r"did you mean .*zennet-cifar-1\.0M"):
        zennas.load("zenet-cifar-1.0M")
    assert zennas.load("ZenNet-CIFAR-1.0m").name == "zennet-cifar-1.0M"
