"""Pages whose tables and sentences are written from kept results, between `<!-- table: NAME -->` and `<!-- end -->`."""

import re
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REGION = re.compile(r"(<!-- table: (\S+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)


def pages() -> list[Path]:
    """Every page of the documentation that has a region."""
    candidates = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    return [page for page in candidates if REGION.search(page.read_text(encoding="utf-8"))]


def rendered(text: str, shown: Mapping[str, str]) -> str:
    """A page with its regions filled. Raises `KeyError` with the name of a region that no benchmark fills."""
    return REGION.sub(lambda match: f"{match[1]}\n{shown[match[2]].rstrip()}\n\n{match[4]}", text)


def regions(text: str) -> list[str]:
    """Names of a page's regions."""
    return [match[2] for match in REGION.finditer(text)]


def tables_by_hand(text: str) -> list[str]:
    """First lines of a page's tables that stand outside of its regions."""
    lines = REGION.sub("", text).splitlines()
    return [
        line
        for before, line in zip(["", *lines], [*lines, ""], strict=True)
        if line.startswith("|") and not before.startswith("|")
    ]
