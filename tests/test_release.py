"""The version is said once, and the files that repeat it agree."""

import re
from pathlib import Path

import pytest

import zennas
from zennas.io.settings import versions

ROOT = Path(__file__).parents[1]


def text(name):
    return (ROOT / name).read_text(encoding="utf-8")


def test_the_package_takes_its_version_from_the_source():
    assert 'version = { attr = "zennas.__version__" }' in text("pyproject.toml")
    assert not re.search(r"^version = \"", text("pyproject.toml"), re.MULTILINE)


def test_the_newest_release_of_the_changelog_is_this_version():
    releases = re.findall(r"^## (\d+\.\d+\.\d+) \((\d{4}-\d\d-\d\d)\)$", text("CHANGELOG.md"), re.MULTILINE)
    assert releases[0][0] == zennas.__version__
    assert releases == sorted(releases, key=lambda release: tuple(map(int, release[0].split("."))), reverse=True)


def test_the_citation_names_this_version():
    assert f"\nversion: {zennas.__version__}\n" in text("CITATION.cff")


def test_runs_keep_the_version_that_ran():
    assert versions()["zennas"] == zennas.__version__


def test_the_built_package_has_this_version():
    config = pytest.importorskip("setuptools.config.pyprojecttoml")
    assert config.read_configuration(ROOT / "pyproject.toml")["project"]["version"] == zennas.__version__


def test_every_way_to_allow_imports_is_in_the_security_page():
    for name in ("SECURITY.md", "docs/security.md"):
        page = text(name)
        for word in ("--allow-imports", "allow_imports=True", "plugins:", "start:", "model:", "teacher:", "read_run"):
            assert word in page, (name, word)
