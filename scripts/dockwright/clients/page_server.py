"""A folder of pages in; a server of it on this machine's loopback, until Ctrl-C, out."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from dockwright.errors import DockwrightError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LOOPBACK = "127.0.0.1"


class _Handler(SimpleHTTPRequestHandler):
    """Serves files, and keeps silent about it."""

    def end_headers(self) -> None:
        """Have browsers ask again: the folder may have been written anew."""
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()

    def log_message(self, *_: object) -> None:
        pass


def serve(folder: Path, port: int, ready: Callable[[str], None]) -> None:
    """Serve a folder until Ctrl-C; `ready` gets the address once it answers."""
    try:
        server = ThreadingHTTPServer((LOOPBACK, port), partial(_Handler, directory=str(folder)))
    except OSError as e:
        msg = f"port {port} of {LOOPBACK} cannot be used: {e.strerror}; name another with --port"
        raise DockwrightError(msg) from None
    with server:
        ready(f"http://{LOOPBACK}:{server.server_address[1]}/")
        with suppress(KeyboardInterrupt):  # that is how it ends
            server.serve_forever()
