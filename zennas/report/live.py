"""A report that follows a run: a server on the loopback address, whose page is drawn anew when the run has changed."""

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from zennas.errors import ZennasError

HOST = "127.0.0.1"
FOLLOWED = ("*.db", "*.db-wal", "*.csv", "*.yaml")
"""Files of a run or a design that tell whether it has changed."""
POLL_SECONDS = 2
_POLICY = "default-src 'none';"
_POLL = """
const following = setInterval(async () => {
  try {
    const answer = await fetch("version", { cache: "no-store" });
    if (await answer.text() !== VERSION) location.reload();
  } catch (error) { clearInterval(following); document.title = `ended: ${document.title}`; }
}, SECONDS * 1000);
"""


def state_of(directories: Sequence[Path]) -> str:
    """A text that changes whenever one of the runs does.

    Args:
        directories: of the runs.
    """
    found = []
    for directory in directories:
        for pattern in FOLLOWED:
            for path in sorted(directory.rglob(pattern)):
                try:
                    status = path.stat()
                except OSError:  # gone since it was listed
                    continue
                found.append(f"{path.name}:{status.st_mtime_ns}:{status.st_size}")
    return f"{hash(tuple(found)) & 0xFFFFFFFFFFFF:012x}"


def followed(page: str, version: str) -> str:
    """A page that asks its server for a newer version, and loads it.

    Args:
        page: as it is written to a file.
        version: of the run that it shows.
    """
    script = _POLL.replace("VERSION", f'"{version}"').replace("SECONDS", str(POLL_SECONDS))
    page = page.replace(_POLICY, f"{_POLICY} connect-src 'self';", 1)
    before, end, after = page.rpartition("</script>")
    return f"{before}{script}{end}{after}"


def live_server(directories: Sequence[Path], draw: Callable[[], str], port: int = 0) -> ThreadingHTTPServer:
    """A server of the page of some runs; `serve_forever` starts it.

    Args:
        directories: of the runs, which are looked at for changes.
        draw: makes the page; called when the runs have changed and somebody asks.
        port: on the loopback address; 0 for any that is free.

    Raises:
        OSError: the port is taken.
    """
    drawn: dict[str, str] = {}
    drawing = threading.Lock()

    def page() -> str:
        with drawing:
            version = state_of(directories)
            if version not in drawn:
                made = followed(draw(), version)
                drawn.clear()
                drawn[version] = made
            return drawn[version]

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/":
                try:
                    self._answer(page(), "text/html; charset=utf-8")
                except ZennasError as error:  # the run is written to meanwhile; the page asks again
                    self.send_error(503, str(error).partition("\n")[0][:200])
            elif self.path == "/version":
                self._answer(state_of(directories), "text/plain; charset=utf-8")
            else:
                self.send_error(404)

        def _answer(self, text: str, kind: str) -> None:
            content = text.encode()
            with suppress(ConnectionError):  # the tab was closed
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(content)))
                self.send_header("Cache-Control", "no-store")
                self.end_headers()
                self.wfile.write(content)

        def log_message(self, format: str, *arguments: object) -> None:
            """Nothing is printed for a request."""

    server = ThreadingHTTPServer((HOST, port), Handler)
    server.daemon_threads = True
    return server
