"""What reaches standard output, and what happens where it cannot be written: real processes."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import zennas
from zennas.architecture.files import write_architecture
from zennas.cli.terminal import encodable, printable

NETWORK = "SuperConvK3BNRELU(3,16,1,1)SuperResK3K3(16,16,2,16,1)"
SEARCH = ("search", "--params", "50k..100k", "--iterations", "64", "--population", "16", "--rescore", "0")
ENCODINGS = ("ascii", "latin-1", "cp1252")


def run(*arguments, cwd=None, encoding="utf-8", **options):
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONPATH": str(Path(zennas.__file__).parents[1])}
    command = [sys.executable, "-m", "zennas", *map(str, arguments)]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    return subprocess.run(command, cwd=cwd, env=environment, encoding=encoding, timeout=300, **streams)


def commands():
    return [
        SEARCH,
        ("zoo",),
        ("info", NETWORK, "--resolution", "32", "--plot"),
        ("compare", NETWORK, NETWORK, "--resolution", "32", "--layers"),
        ("score", NETWORK, "--resolution", "8", "--batch-size", "4", "--repeats", "2"),
        ("study", "table6", "--score", "params"),
        ("--help",),
        ("search", "--help"),
        ("latency", NETWORK, "--resolution", "8", "--batch-size", "1", "--batches", "2"),
    ]


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_command_writes_what_its_encoding_has(encoding, tmp_path):
    for command in commands():
        done = run(*command, cwd=tmp_path, encoding=encoding)
        assert done.returncode == 0, (command, done.stderr)
        assert "Traceback" not in done.stderr
        if encoding == "ascii":
            assert done.stdout.isascii()
            assert done.stderr.isascii()


def test_ascii_says_the_same_and_keeps_columns_aligned(tmp_path):
    done = run(*SEARCH, cwd=tmp_path, encoding="ascii")
    assert ">= 50k and <= 100k" in done.stdout
    assert "32x32" in done.stdout
    table = done.stdout.splitlines()[:5]
    assert len({tuple(i for i, c in enumerate(line) if c in "|+") for line in table}) == 1


def test_replacements():
    text = "3×3 ≤ ≥ · — … σ² ½ │─┏ 日 \udc80"
    assert encodable(text, "ascii") == "3x3 <= >= * - ... sigma^2 1/2 |-+ \\u65e5 \\udc80"
    assert encodable(text, "latin-1") == "3×3 <= >= · - ... sigma² ½ |-+ \\u65e5 \\udc80"
    assert encodable(text, "utf-8") == text.replace("\udc80", "\\udc80")


def test_control_characters_are_made_visible():
    assert printable("\x1b[31mred\x9b0m\r\x07\x7f\u202e") == "\\x1b[31mred\\x9b0m\\x0d\\x07\\x7f\\u202e"
    assert printable("a\tb\nc é ×") == "a\tb\nc é ×"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("[/nope]", "[/nope] at"),
        ("[bold]x[/bold]", "[bold]x[/bold] at"),
        (":smile:", ":smile: at"),
        ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m at"),
        ("\x9b31m", "\\x9b31m at"),
        ("txt.\u202eexe", "txt.\\u202eexe at"),
    ],
)
def test_a_name_from_a_file_is_shown_as_it_is(name, shown, tmp_path):
    path = tmp_path / "network.yaml"
    write_architecture(replace(zennas.parse_structure(NETWORK), name=name), path)
    done = run("info", path, "--resolution", "32")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(shown)


def test_names_of_files_and_messages_reach_no_terminal_as_commands(tmp_path):
    place = tmp_path / "[red]\x1b[31m"
    place.mkdir()
    write_architecture(zennas.parse_structure(NETWORK), place / "n.yaml")
    done = run("compare", "n.yaml", place / "n.yaml", "--resolution", "32", cwd=place)
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout
    missing = run("info", place / "m.yaml")
    assert missing.returncode == 2
    assert "[red]\\x1b[31m/m.yaml: cannot be read" in missing.stderr


def test_a_damaged_run_with_markup_in_its_name_is_listed(tmp_path):
    place = tmp_path / "[" / "x]\x1b[2J"  # a closing tag, once the path is written out
    place.mkdir(parents=True)
    (place / "run.db").write_bytes(b"")
    done = run("runs", place.parent)
    assert done.returncode == 0, done.stderr
    first_column = "".join(line.partition("│")[0].strip() for line in done.stdout.splitlines())
    assert "[/x]\\x1b[2J" in first_column


@pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX shell")
@pytest.mark.parametrize("command", ["zoo", "zoo --json", "--help", f"info '{NETWORK}' --resolution 32 --json"])
def test_a_reader_that_goes_away_ends_it_quietly(command):
    shell = f"{sys.executable} -m zennas {command} | (exec <&-; sleep 2); exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, timeout=300)
    assert done.returncode == 141
    assert done.stderr == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("command", [("zoo",), ("zoo", "--json"), ("--help",), ("--version",)])
def test_a_full_standard_output_is_one_line(command):
    with open("/dev/full", "w") as full:
        done = run(*command, stdout=full)
    assert done.returncode == 2
    assert done.stderr == "zennas: standard output cannot be written: No space left on device\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_standard_error_keeps_the_exit_code():
    with open("/dev/full", "w") as full:
        assert run("info", "nope", stderr=full).returncode == 2


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="ulimit -v")
@pytest.mark.parametrize("megabytes", [60, 200, 300])
def test_too_little_memory_is_one_line(megabytes, tmp_path):
    import resource

    limit = megabytes << 20
    done = run(*SEARCH, cwd=tmp_path, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)))
    if done.returncode == 1 and done.stderr.startswith("OpenBLAS"):
        pytest.skip("numpy's linear algebra ends the process itself")
    assert done.returncode == 2
    assert done.stderr.startswith("zennas: not enough memory")
    assert done.stderr.count("\n") == 1
