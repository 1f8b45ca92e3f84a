"""What must work without torch, and say so where it is needed."""

import subprocess
import sys

BLOCK_TORCH = """
import sys
class NoTorch:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "torchvision", "timm"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, NoTorch())
"""


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)


def test_import_help_and_closed_form_search_import_no_torch():
    code = """
import sys, zennas
zennas.load("zennet-cifar-1.0M"); zennas.costs(zennas.load("zennet-cifar-1.0M"))
zennas.meanfield_score(zennas.load("zennet-cifar-1.0M"))
result = zennas.search(params="100k", iterations=200, rescore=0)
from zennas.cli.main import app
assert not {"torch", "torchvision", "timm", "pandas", "sklearn"} & set(sys.modules)
"""
    result = python(code)
    assert result.returncode == 0, result.stderr


def test_a_search_without_torch_skips_rescoring_and_says_so():
    # A finder that hides torch stands for a machine without it.
    code = """
import zennas, zennas.optional_dependencies
import zennas.runs.carrying_out as carrying_out
carrying_out.installed = lambda module: False
result = zennas.search(params="100k", score="meanfield", iterations=200)
assert result.best.rescored is None
assert "zennas[torch]" in result.notes[0]
"""
    result = python(BLOCK_TORCH + code)
    assert result.returncode == 0, result.stderr


def test_what_needs_torch_says_which_extra():
    code = """
import zennas
uses = [lambda: zennas.zen_score, lambda: zennas.build]
uses.append(lambda: zennas.search(score="zen", params="1M", iterations=2))
for use in uses:
    try:
        use()
    except zennas.ZennasError as error:
        assert "pip install 'zennas[torch]'" in str(error), error
    else:
        raise SystemExit("no error")
"""
    result = python(BLOCK_TORCH + code)
    assert result.returncode == 0, result.stderr
