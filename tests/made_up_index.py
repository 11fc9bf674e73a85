"""A package index on loopback with wheels of made-up distributions, each a few bytes."""

from __future__ import annotations

import hashlib
import io
import threading
import time
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


@dataclass(frozen=True, kw_only=True, slots=True)
class Distribution:
    """One version of a distribution as a wheel, on the index of that path."""

    name: str
    version: str
    needs: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    index: str = "simple"
    tag: str = "py3-none-any"
    yanked: str | None = None
    """Why it was withdrawn."""

    @property
    def filename(self) -> str:
        return f"{self.name.replace('-', '_')}-{self.version}-{self.tag}.whl"

    def wheel(self) -> bytes:
        """Return the same bytes every time."""
        folder = f"{self.filename.rsplit('-', 3)[0]}.dist-info"
        metadata = [
            "Metadata-Version: 2.1",
            f"Name: {self.name}",
            f"Version: {self.version}",
            *(f"Provides-Extra: {extra}" for extra in self.extras),
            *(f"Requires-Dist: {need}" for need in self.needs),
        ]
        wheel = f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {self.tag}\n"
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            for path, text in (
                (f"{folder}/METADATA", "\n".join(metadata) + "\n"),
                (f"{folder}/WHEEL", wheel),
                (f"{folder}/RECORD", ""),
            ):
                archive.writestr(zipfile.ZipInfo(path), text)
        return file.getvalue()


def _pages(distributions: Sequence[Distribution]) -> dict[str, tuple[str, bytes]]:
    """Return what is served: path -> media type and body."""
    pages: dict[str, tuple[str, bytes]] = {}
    links: dict[str, list[str]] = {}
    for distribution in distributions:
        body = distribution.wheel()
        pages[f"/files/{distribution.filename}"] = ("application/octet-stream", body)
        sha256 = hashlib.sha256(body).hexdigest()
        withdrawn = f' data-yanked="{distribution.yanked}"' if distribution.yanked else ""
        link = f'<a href="/files/{distribution.filename}#sha256={sha256}"{withdrawn}>wheel</a>'
        links.setdefault(f"/{distribution.index}/{distribution.name}/", []).append(link)
    html = {path: ("text/html", "<br>".join(lines).encode()) for path, lines in links.items()}
    return pages | html


@dataclass(kw_only=True)
class Traffic:
    """How many requests an index answers at a time, when each takes it a while."""

    seconds: float
    now: int = 0
    most: int = 0
    guard: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def counted(self) -> Iterator[None]:
        with self.guard:
            self.now += 1
            self.most = max(self.most, self.now)
        time.sleep(self.seconds)
        yield
        with self.guard:
            self.now -= 1


@contextmanager
def serve(distributions: Sequence[Distribution], traffic: Traffic | None = None) -> Iterator[str]:
    """Serve the distributions while the block runs; yield the server's address."""
    pages = _pages(distributions)
    watched = traffic or Traffic(seconds=0)

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            with watched.counted():
                self.answer()

        def do_GET(self) -> None:
            with watched.counted():
                self.wfile.write(self.answer())

        def answer(self) -> bytes:
            kind, body = pages.get(self.path.replace("%2B", "+"), ("", b""))
            self.send_response(200 if kind else 404)
            self.send_header("Content-Type", kind or "text/plain")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            return body

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
