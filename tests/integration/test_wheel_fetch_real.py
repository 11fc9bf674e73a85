"""Wheels come from the host's real indexes, and a fetch that was cut off goes on."""

from __future__ import annotations

import hashlib
import os
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, ClassVar

import pytest

from dockwright import process
from dockwright.clients import index_config
from dockwright.clients.index_config import IndexConfig
from dockwright.clients.index_session import session
from dockwright.clients.uv import compile_requirements
from dockwright.clients.wheel_files import Target
from dockwright.composition import wheel_fetch, wheels
from dockwright.spec.lock import Wheel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BODY = os.urandom(4_000_000)
SLOW = Wheel(
    name="slow",
    version="1.0",
    filename="slow-1.0-py3-none-any.whl",
    sha256=hashlib.sha256(BODY).hexdigest(),
    size_bytes=len(BODY),
)
SCRIPT = """
import sys
from pathlib import Path
from dockwright.clients.index_config import IndexConfig
from dockwright.composition import wheel_fetch
from dockwright.spec.lock import Wheel
store, url, sha256, size = sys.argv[1:]
wheel = Wheel(name="slow", version="1.0", filename="slow-1.0-py3-none-any.whl", sha256=sha256,
              size_bytes=int(size))
wheel_fetch.fetch(Path(store), [wheel], IndexConfig(index_url=url, timeout_s=120))
"""


class SlowIndex(BaseHTTPRequestHandler):
    """Serves one wheel with ranges; the first half at once, then nothing for a long time."""

    starts: ClassVar[list[int]]
    hangs: ClassVar[bool]

    def do_GET(self) -> None:
        if not self.path.endswith(".whl"):
            self._send(200, b'<a href="/slow-1.0-py3-none-any.whl">slow</a>')
            return
        asked = self.headers.get("Range", "bytes=0-")
        start = int(asked.removeprefix("bytes=").removesuffix("-"))
        type(self).starts.append(start)
        self._send(206 if start else 200, BODY[start:], start=start)

    def _send(self, status: int, body: bytes, start: int = 0) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Range", f"bytes {start}-{len(BODY) - 1}/{len(BODY)}")
        self.end_headers()
        half = len(body) // 2 if self.hangs and self.path.endswith(".whl") else len(body)
        self.wfile.write(body[:half])
        self.wfile.flush()
        deadline = time.monotonic() + 60
        while self.hangs and half < len(body) and time.monotonic() < deadline:
            time.sleep(0.05)

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet."""


@pytest.fixture
def slow_index() -> Iterator[tuple[str, type[SlowIndex]]]:
    """A local index whose only wheel never quite comes."""

    class Handler(SlowIndex):
        starts: ClassVar[list[int]] = []
        hangs: ClassVar[bool] = True

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/simple", Handler
    finally:
        Handler.hangs = False
        server.shutdown()
        thread.join()
        server.server_close()


def test_two_small_wheels_come_from_the_real_index(tmp_path: Path) -> None:
    config = index_config.read()
    with session(config) as opened:
        target = Target(python="3.11", glibc="2.36")
        locked = compile_requirements(["idna", "markupsafe"], target=target, session=opened)
    wheel_fetch.fetch(tmp_path, locked, config)
    wheels.verify(tmp_path, locked, thorough=True)
    assert [wheel.name for wheel in locked] == ["idna", "markupsafe"]


def test_ctrl_c_ends_a_hanging_fetch_soon_and_the_next_one_goes_on(
    tmp_path: Path, slow_index: tuple[str, type[SlowIndex]]
) -> None:
    url, handler = slow_index
    argv = (sys.executable, "-c", SCRIPT, tmp_path, url, SLOW.sha256, str(SLOW.size_bytes))
    part = wheels.part_of(tmp_path, SLOW)
    with process.streaming(argv) as (fetching, _):
        wait_for_bytes(part, at_least=len(BODY) // 4)
        interrupted = time.monotonic()
        fetching.send_signal(signal.SIGINT)
        fetching.wait(20)
        assert time.monotonic() - interrupted < 10
        assert fetching.returncode != 0
    assert wheels.missing(tmp_path, [SLOW]) == (SLOW,)
    handler.hangs = False
    process.run(argv, timeout_s=60)
    wheels.verify(tmp_path, [SLOW], thorough=True)
    first, resumed = handler.starts
    assert first == 0
    assert len(BODY) // 4 <= resumed <= len(BODY) // 2


def wait_for_bytes(part: Path, *, at_least: int) -> None:
    deadline = time.monotonic() + 30
    while not part.exists() or part.stat().st_size < at_least:
        assert time.monotonic() < deadline, "the fetch never got its first quarter"
        time.sleep(0.05)


def test_the_configured_proxy_is_asked_and_the_host_never(
    tmp_path: Path, slow_index: tuple[str, type[SlowIndex]]
) -> None:
    url, handler = slow_index
    handler.hangs = False
    config = IndexConfig(index_url="http://index.invalid/simple", proxy=url.removesuffix("/simple"))
    wheel_fetch.fetch(tmp_path, [SLOW], config)
    wheels.verify(tmp_path, [SLOW])
