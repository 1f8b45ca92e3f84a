"""The picture of a report in the README and the documentation: `make picture` draws it anew.

python -m tests.report.picture docs/images/report.png
"""

import base64
import sys
import tempfile
import time
from pathlib import Path

import zennas
from tests.report.browser import opened
from zennas.io.text import write_bytes
from zennas.report import write_report

WIDTH, HEIGHT = 1180, 900
LAST = "history"
"""Section with which the picture ends."""
SEARCH = dict(params="1M", layers=18, num_classes=10, rescore=0, seed=0)


def draw(path: Path) -> None:
    """Search, write the page, and take its top as a picture.

    Args:
        path: the PNG file to write.
    """
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "runs" / "search-1"
        result = zennas.search(out=run, **SEARCH)
        page = Path(folder) / "report.html"
        write_report([result], page)
        with opened(page, Path(folder) / "profile", WIDTH, HEIGHT) as driver:
            driver.execute_cdp_cmd("Emulation.setScrollbarsHidden", {"hidden": True})
            driver.execute_script("document.getElementById('subtitle').textContent = 'runs/search-1'")
            time.sleep(1)  # charts are drawn between two frames
            end = driver.execute_script(f"return document.getElementById('{LAST}').getBoundingClientRect().bottom")
            clip = {"x": 0, "y": 0, "width": WIDTH, "height": round(end) + 16, "scale": 1}
            taken = driver.execute_cdp_cmd(
                "Page.captureScreenshot", {"format": "png", "clip": clip, "captureBeyondViewport": True}
            )
    write_bytes(path, base64.b64decode(taken["data"]))


if __name__ == "__main__":
    draw(Path(sys.argv[1]))
