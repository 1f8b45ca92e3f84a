import pytest
from hypothesis import given
from hypothesis import strategies as st

from zennas.errors import ZennasError
from zennas.units import format_bytes, format_count, format_seconds, parse_bytes, parse_count, parse_seconds


def test_sizes_as_people_write_them():
    assert parse_count("1M") == parse_count("1000k") == parse_count("1e6") == parse_count("0.001G") == 1_000_000
    assert parse_count("4.1G") == 4_100_000_000
    assert parse_seconds("0.5ms") == pytest.approx(0.0005)
    assert parse_seconds("20m") == 1200
    assert parse_bytes("8MB") == 8_000_000
    assert parse_bytes("8MiB") == 8 << 20


@pytest.mark.parametrize(
    ("parse", "units"),
    [
        (parse_count, {"": 1, "k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9, "B": 1e9, "T": 1e12}),
        (
            parse_bytes,
            {"": 1, "B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30},
        ),
        (
            parse_seconds,
            {"us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400},
        ),
    ],
)
def test_every_unit(parse, units):
    for unit, factor in units.items():
        assert parse(f"3{unit}") == parse(f" 3.0 {unit}") == pytest.approx(3 * factor)


@pytest.mark.parametrize("text", ["1X", "", "M", "-1M", "1 2", "nan", "1e999"])
def test_nonsense_is_refused_with_examples(text):
    with pytest.raises(ZennasError, match="write it like"):
        parse_count(text)


@pytest.mark.parametrize("text", ["1" * 5000 + "x", "1" * 2500 + "e" + "1" * 2500 + "!", "." * 5000, "a" * 5000])
def test_long_nonsense_is_refused_shortly(text):
    with pytest.raises(ZennasError, match="write it like") as error:
        parse_count(text)
    assert len(str(error.value)) < 200


@pytest.mark.parametrize("text", ["5.", ".", "1..2", "1e", "1e+", "e5", "1.5.2"])
def test_half_written_numbers_are_refused(text):
    with pytest.raises(ZennasError, match="write it like"):
        parse_count(text)


def test_a_time_needs_its_unit():
    with pytest.raises(ZennasError, match="0.5ms"):
        parse_seconds("5")


def test_formats():
    assert format_count(999_960) == "1M"
    assert format_count(1_234_567) == "1.23M"
    assert format_count(0) == "0"
    assert format_bytes(1_440_000) == "1.44MB"
    assert format_seconds(0.00123) == "1.23ms"
    assert format_bytes(1500) == "1.5kB"
    assert format_bytes(999.7) == "1kB"
    assert format_seconds(3720) == "1h02m"
    assert format_seconds(3600) == "1h00m"
    assert format_seconds(3599) == "59m59s"
    assert format_seconds(63) == "1m03s"
    assert format_seconds(0) == "0s"


@given(st.integers(0, 10**13))
def test_a_formatted_count_reads_back_within_three_digits(value):
    assert parse_count(format_count(value)) == pytest.approx(value, rel=5.1e-3, abs=0.5)
