"""A running server for tests: the serving package as a program, a model of plain Python inside."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import orjson

from dockwright import process
from http_caller import http_client

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


_RUNTIME = Path(__file__).parents[1] / "images" / "runtime"
PACKAGES = (_RUNTIME / "serving", _RUNTIME / "shared")
START_S = 15.0


@dataclass(frozen=True, kw_only=True, slots=True)
class ServingSite:
    """A server process and how to talk to it."""

    pid: int
    port: int
    log_path: Path
    client: httpx.Client

    def log_lines(self) -> list[dict[str, object]]:
        """Return what it has logged: each line is an object."""
        return [orjson.loads(line) for line in self.log_path.read_bytes().splitlines()]

    def events(self, message: str) -> list[dict[str, object]]:
        """Return the log's lines with that message."""
        return [line for line in self.log_lines() if line["message"] == message]

    def wait_until_ready(self, *, within_s: float = START_S) -> float:
        """Wait until /ping says 200; return the seconds it took."""
        return self.wait_for_ping(200, within_s=within_s)

    def wait_for_ping(self, status: int, *, within_s: float = START_S) -> float:
        """Wait until /ping gives that status; return the seconds it took."""
        started = time.monotonic()
        last: object = None
        while (passed := time.monotonic() - started) < within_s:
            try:
                last = self.client.get("/ping").status_code
            except httpx.TransportError as error:
                last = error
            if last == status:
                return passed
            time.sleep(0.02)
        msg = f"/ping gave {last!r} for {within_s} s, not {status}:\n{self.log_path.read_text()}"
        raise AssertionError(msg)

    def terminate(self) -> None:
        """Send what stops a container."""
        os.kill(self.pid, signal.SIGTERM)

    def wait_for_end(self, *, within_s: float = START_S) -> int:
        """Wait until the server has ended; return its exit code, a signal's negative."""
        started = time.monotonic()
        while time.monotonic() - started < within_s:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.02)
        msg = f"still running after {within_s} s:\n{self.log_path.read_text()}"
        raise AssertionError(msg)

    def descendants(self) -> list[int]:
        """Return the processes that the server has started, and theirs."""
        found, queue = [], [self.pid]
        while queue:
            children = Path(f"/proc/{queue[0]}/task/{queue.pop(0)}/children")
            pids = [int(pid) for pid in children.read_text().split()] if children.exists() else []
            found += pids
            queue += pids
        return found


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def user_model(folder: Path, code: str) -> Path:
    """Return a model folder whose `code/inference.py` has this text."""
    (folder / "code").mkdir(parents=True)
    (folder / "code" / "inference.py").write_text(code)
    return folder


@contextmanager
def serving(model: Path, log_path: Path, **env: str) -> Iterator[ServingSite]:
    """Run a server for a model folder; end it at the end of the block."""
    port = free_port()
    variables: Mapping[str, str] = {
        "PYTHONPATH": os.pathsep.join(map(str, PACKAGES)),
        "HF_MODEL_DIR": str(model),
        "SAGEMAKER_BIND_TO_PORT": str(port),
        "SAGEMAKER_MODEL_SERVER_WORKERS": "2",
        **env,
    }
    argv = [sys.executable, "-m", "dockwright_serving"]
    pid = process.spawn_daemon(argv, log_path=log_path, env=variables)
    try:
        with http_client(f"http://127.0.0.1:{port}", timeout_s=30) as client:
            yield ServingSite(pid=pid, port=port, log_path=log_path, client=client)
    finally:
        try:
            os.killpg(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        except (ProcessLookupError, ChildProcessError):
            pass  # it has ended and was waited for
