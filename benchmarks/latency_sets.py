"""The sets of measured networks that the latency benchmarks share, in `runs/benchmarks/latency/`."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from pages import ROOT

WORK = ROOT / "runs" / "benchmarks" / "latency"


@dataclass(frozen=True)
class LatencySet:
    """Networks of a space, measured at one size and batch.

    Attributes:
        limit: time for measuring.
        more: further options of the command.
        purpose: tells it from another set of the same networks that is measured in another way.
    """

    space: str
    resolution: int
    batch: int
    limit: str
    more: tuple[str, ...] = ()
    purpose: str = ""

    @property
    def name(self) -> str:
        return f"{self.space}-{self.resolution}-b{self.batch}{self.purpose}"

    @property
    def title(self) -> str:
        return f"{self.space}, {self.resolution}×{self.resolution}, {self.batch}"

    @property
    def predictor(self) -> Path:
        return WORK / f"{self.name}.json"

    @property
    def measurements(self) -> Path:
        return WORK / f"{self.name}.json.measurements.jsonl"


SETS = {
    one.name: one
    for one in (
        LatencySet("resnet", 32, 1, "9m"),
        LatencySet("mobilenet", 32, 1, "9m"),
        LatencySet("resnet", 32, 64, "9m"),
        LatencySet("mobilenet", 32, 64, "9m"),
        LatencySet("mobilenet", 224, 1, "12m", ("--max-latency", "200ms")),
    )
}


def measured(one: LatencySet) -> Path:
    """The predictor of a set; where it is missing the command measures and learns, and goes on where it was stopped."""
    if not one.predictor.is_file():
        WORK.mkdir(parents=True, exist_ok=True)
        command = ["latency-predictor", "fit", "--space", one.space, "--resolution", str(one.resolution)]
        command += ["--batch-size", str(one.batch), "--time-limit", one.limit, *one.more, "--out", str(one.predictor)]
        subprocess.run([sys.executable, "-m", "zennas.cli.main", *command], check=True, stdout=subprocess.DEVNULL)
    return one.predictor


def forget(one: LatencySet) -> None:
    """Measure a set anew next time."""
    one.predictor.unlink(missing_ok=True)
    one.measurements.unlink(missing_ok=True)
