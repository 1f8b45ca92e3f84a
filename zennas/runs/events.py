"""A run's log: one JSON object a line in `log.jsonl`, and on standard output where that is asked for."""

import json
import time
from pathlib import Path
from typing import Any

LOG = "log.jsonl"
AGAIN = "search again"
"""The event of a search that goes on within corrected latencies."""


class EventLog:
    """Appends events; an event has `time` (Unix seconds), `event`, and its own values."""

    def __init__(self, directory: Path | None, echo: bool = False) -> None:
        self._path = None if directory is None else directory / LOG
        self._echo = echo

    def write(self, event: str, **values: Any) -> None:
        """Append one event. A log that cannot be written does not end a search: its results are in the database."""
        line = json.dumps({"time": round(time.time(), 3), "event": event, **values})
        if self._echo:
            print(line, flush=True)
        if self._path is not None:
            try:
                with self._path.open("a", encoding="utf-8") as file:
                    file.write(line + "\n")
            except OSError:
                self._path = None
