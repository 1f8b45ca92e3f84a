"""Where compiled code is kept: a search must run where nothing can be written."""

import ast
import functools
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

import zennas
from zennas import compiled

pytest.importorskip("numba")

NOBODY = 65534
SCORE = """
import os, tempfile
tempfile.tempdir = os.environ["TMPDIR"]  # or it would look for another place that can be written
import zennas
from zennas.scores.closed_form import kernel, meanfield_score
print(zennas.__file__)
print(getattr(getattr(kernel.score_chains, "_cache", None), "cache_path", None))
if "IMPORT_ALONE" not in os.environ:
    print(meanfield_score(zennas.parse_structure("SuperConvK3BNRELU(3,8,1,1)"), 8).score.hex())
"""


@pytest.fixture
def installation():
    """A copy of the package, and a temporary folder, that another user can read, neither of which he can write."""
    # Not pytest's folder: its parents are closed to other users.
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        package = root / "site" / "zennas"
        shutil.copytree(Path(zennas.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
        (root / "tmp").mkdir()
        for folder in (root, root / "site", root / "tmp", *(p for p in package.rglob("*") if p.is_dir()), package):
            folder.chmod(0o555)
        yield root
        for folder in (root, root / "site", package, *(p for p in package.rglob("*") if p.is_dir())):
            folder.chmod(0o755)


@functools.cache
def other_user():
    """The start of a command that root runs as another user: root may write everywhere, whatever permissions say."""
    if os.getuid():
        return []
    if not shutil.which("setpriv"):
        pytest.skip("root cannot test what others may not write; setpriv is missing")
    command = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    if subprocess.run([*command, sys.executable, "-c", "import numba"], capture_output=True, cwd="/").returncode:
        pytest.skip("another user cannot run this Python")
    return command


def scored(installation, *, temporary=None, **environment):
    """Output and errors of scoring a network as a user who owns nothing."""
    kept = {k: v for k, v in os.environ.items() if k in ("PATH", "LANG", "LD_LIBRARY_PATH", "VIRTUAL_ENV")}
    environment = {
        **kept,
        "PYTHONPATH": str(installation / "site"),
        "TMPDIR": str(temporary or installation / "tmp"),
        **environment,
    }
    return subprocess.run(
        [*other_user(), sys.executable, "-c", SCORE],
        env=environment,
        cwd=installation,
        capture_output=True,
        text=True,
        check=False,
    )


def expected():
    return zennas.meanfield_score(zennas.parse_structure("SuperConvK3BNRELU(3,8,1,1)"), 8).score.hex()


@pytest.mark.slow
def test_a_read_only_installation_scores_without_a_cache(installation):
    result = scored(installation, HOME="/proc")
    assert result.returncode == 0, result.stderr
    package, folder, score = result.stdout.splitlines()
    assert package.startswith(str(installation))
    assert folder == "None"
    assert score == expected()
    assert len(result.stderr.splitlines()) == 1
    assert result.stderr.startswith("zennas: the closed form is compiled anew at every start")


@pytest.mark.slow
@pytest.mark.skipif(os.getuid() != 0, reason="without HOME the user's own folder is taken, which can be written")
def test_a_user_without_home(installation):
    result = scored(installation, IMPORT_ALONE="1")
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[1] == "None"


@pytest.mark.slow
def test_a_read_only_installation_keeps_its_code_in_a_temporary_folder(installation):
    with tempfile.TemporaryDirectory() as temporary:
        os.chmod(temporary, 0o1777)
        results = [scored(installation, temporary=temporary, HOME="/proc") for _ in range(2)]
        files = list(Path(temporary).rglob("*.nbc"))
    for result in results:
        assert result.returncode == 0, result.stderr
        _, folder, score = result.stdout.splitlines()
        assert folder.startswith(f"{temporary}/zennas-")
        assert score == expected()
        assert len(result.stderr.splitlines()) == 1
        assert f"compiled code is kept in {temporary}" in result.stderr
    assert len(files) == 1, "the second start takes what the first one kept"


@pytest.mark.slow
def test_the_users_cache_folder_comes_before_the_temporary_one(installation):
    with tempfile.TemporaryDirectory() as home:
        os.chmod(home, 0o777)
        result = scored(installation, HOME=home, IMPORT_ALONE="1")
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[1].startswith(home)
    assert result.stderr == ""


def test_a_temporary_folder_of_somebody_else_is_not_trusted(tmp_path, monkeypatch):
    """What numba finds in its cache it runs."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    folder = compiled._private_temporary_folder()
    assert folder is not None
    assert folder.stat().st_mode & 0o777 == 0o700
    folder.chmod(0o777)
    assert compiled._private_temporary_folder() is None
    folder.rmdir()
    (tmp_path / "elsewhere").mkdir()
    folder.symlink_to(tmp_path / "elsewhere")
    assert compiled._private_temporary_folder() is None


def test_a_change_of_any_file_is_another_cache(tmp_path, monkeypatch):
    names = [*(f"{folder}/some.py" for folder in compiled.FOLDERS), *compiled.CONSTANTS]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("a = 1\n")
    monkeypatch.setattr(compiled, "HERE", tmp_path)
    for name in names:
        before = [folder.name for folder, _ in compiled._folders("")]
        assert len(set(before)) == 1
        (tmp_path / name).write_text("a = 2\n")
        assert {folder.name for folder, _ in compiled._folders("")} != set(before), name


def test_whatever_constants_are_compiled_are_in_the_name_of_the_cache():
    """numba takes the value of a constant when it compiles, and looks at the file of the function alone."""
    elsewhere = set()
    for folder in compiled.FOLDERS:
        for path in (compiled.HERE / folder).glob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ImportFrom) and any(alias.name.isupper() for alias in node.names):
                    elsewhere.add(f"{str(node.module).removeprefix('zennas.').replace('.', '/')}.py")
    within = {name for name in elsewhere if name.startswith(compiled.FOLDERS)}
    assert within
    # Read by Python alone: what the core and the tables of the space are made from.
    assert elsewhere - within - set(compiled.CONSTANTS) == {
        "architecture/model.py",
        "counting/count.py",
        "counting/quantities.py",
        "input_size.py",
        "spaces/fitting.py",
        "spaces/mutation.py",
    }


def test_numbas_own_setting_comes_first(tmp_path):
    assert next(iter(compiled._folders(str(tmp_path))))[0].parent == tmp_path
