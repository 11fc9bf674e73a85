"""A folder in, a container registry on this machine's loopback (for trying things) out."""

from __future__ import annotations

import http.client
import re
import socket
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dockwright import process
from dockwright.clients import apt, daemons, filelock
from dockwright.errors import BusyError, NetworkError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dockwright.workspace import Workspace

LOOPBACK = "127.0.0.1"
READY_S = 20.0
GRACE_S = 10.0
CONFIG = """\
version: 0.1
log: {{level: warn}}
storage:
  filesystem: {{rootdirectory: "{data_path}"}}
  delete: {{enabled: true}}
http: {{addr: "{address}"}}
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Site:
    """Where one registry's program, configuration and images are."""

    folder: Path
    programs_path: Path
    apt_state_path: Path

    @property
    def config_path(self) -> Path:
        return self.folder / "config.yml"

    @property
    def data_path(self) -> Path:
        return self.folder / "data"

    @property
    def log_path(self) -> Path:
        return self.folder / "registry.log"


def site(workspace: Workspace, folder: Path | None = None) -> Site:
    """Return the registry of the workspace's home, or one in `folder` with the home's program."""
    home = workspace.home
    return Site(
        folder=folder or home / "registry",
        programs_path=home / "registry-programs",
        apt_state_path=home / "apt",
    )


def up(place: Site, *, port: int | None = None) -> str:
    """Start the registry unless it runs; return its address, such as `127.0.0.1:5000`."""
    place.folder.mkdir(parents=True, exist_ok=True)
    with filelock.exclusive(place.folder / "lock", doing="registry up", wait_s=READY_S * 2):
        running = address(place)
        if running is not None:
            if port is not None and running != f"{LOOPBACK}:{port}":
                msg = f"the registry runs at {running} already; `dockwright registry down` first"
                raise BusyError(msg)
            return running
        apt.fetch(
            ["docker-registry"],
            suite=apt.host_suite(),
            state_path=place.apt_state_path,
            into=place.programs_path,
        )
        return _start(place, f"{LOOPBACK}:{_free_port(port or 0)}")


def down(place: Site) -> None:
    """Stop the registry if it runs; its images stay."""
    for daemon in _daemons(place):
        daemons.end(daemon, grace_s=GRACE_S)


def address(place: Site) -> str | None:
    """Return the address of the registry when it runs."""
    if not _daemons(place):
        return None
    match = re.search(r'addr: "([^"]+)"', place.config_path.read_text(encoding="utf-8"))
    return match[1] if match else None


@contextmanager
def temporary(place: Site) -> Iterator[str]:
    """Run a registry for the length of a block; yield its address."""
    try:
        yield up(place)
    finally:
        down(place)


def _start(place: Site, where: str) -> str:
    config = CONFIG.format(address=where, data_path=place.data_path)
    place.config_path.write_text(config, encoding="utf-8")
    program = place.programs_path / "usr" / "bin" / "docker-registry"
    place.log_path.unlink(missing_ok=True)  # its end must speak of this start
    pid = process.spawn_daemon((program, "serve", place.config_path), log_path=place.log_path)
    deadline = time.monotonic() + READY_S
    while not _answers(where):
        if not daemons.is_alive(pid) or time.monotonic() > deadline:
            down(place)
            daemons.reap(pid)
            msg = f"no registry at {where}; the end of {place.log_path}:\n"
            raise NetworkError(msg + daemons.tail(place.log_path))
        time.sleep(0.05)
    return where


def _daemons(place: Site) -> tuple[daemons.Process, ...]:
    config = str(place.config_path)
    return tuple(p for p in daemons.running(place.programs_path) if config in p.argv)


def _answers(where: str) -> bool:
    host, _, port = where.partition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=2)
    try:
        connection.request("GET", "/v2/")
        return connection.getresponse().status == http.client.OK
    except OSError:
        return False
    finally:
        connection.close()


def _free_port(port: int) -> int:
    """Return the port, or any free one for 0; whoever holds it would answer in our place."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as e:
            msg = f"{LOOPBACK}:{port} cannot be used: {e.strerror}; choose another with --port"
            raise NetworkError(msg) from None
        return int(probe.getsockname()[1])
