"""An engine of dockwright's own: its site in, a running dockerd (or none) out.

Its programs, state, socket and bridge are its own; the host's Docker, network and apt
configuration stay as they are.
"""

from __future__ import annotations

import os
import shutil
import time
from typing import TYPE_CHECKING, Any

from dockwright import console, process
from dockwright.clients import bridge, daemons, engine_programs, engine_remains, filelock
from dockwright.clients.unix_http import answers
from dockwright.errors import NoEngineError, NoSpaceError, NotRootError

if TYPE_CHECKING:
    from pathlib import Path

    from dockwright.clients.engine_programs import Programs
    from dockwright.clients.engine_site import Site

MIN_FREE_BYTES = 2_000_000_000
"""Programs and their downloads; what builds need comes on top."""
READY_S = 60.0
SHUTDOWN_S = 15


def up(place: Site) -> None:
    """Bring the engine up; at once when it is up already."""
    _require_root("engine up")
    with filelock.exclusive(place.lock_path, doing="engine up", wait_s=READY_S * 10):
        if _is_up(place):
            return
        _require_space(place.engine_path)
        programs = engine_programs.obtain(place.programs.path, apt_state_path=place.apt_state_path)
        engine_remains.sweep(place)
        with console.step("start the private engine"):
            try:
                _start(place, programs)
            except BaseException:
                engine_remains.sweep(place)
                raise


def down(place: Site, *, purge: bool) -> None:
    """Stop the engine and everything that runs in it; `purge` deletes its images and programs."""
    _require_root("engine down")
    with filelock.exclusive(place.lock_path, doing="engine down", wait_s=READY_S * 10):
        with console.step("stop the private engine"):
            for daemon in dockerd(place):
                daemons.end(daemon, grace_s=SHUTDOWN_S * 2)
            engine_remains.sweep(place)
        if purge and place.engine_path.exists():
            with console.step("delete the private engine's images and programs"):
                shutil.rmtree(place.engine_path)


def dockerd(place: Site) -> tuple[daemons.Process, ...]:
    """Return the engine's daemon when it runs."""
    found = daemons.running(place.programs.dockerd_path.parent)
    return tuple(p for p in found if p.exe_path.name == "dockerd")


def _is_up(place: Site) -> bool:
    if answers(place.socket_path):
        return True
    # An `up` that was killed may have left a daemon that is just starting.
    deadline = time.monotonic() + READY_S / 2
    while dockerd(place) and time.monotonic() < deadline:
        if answers(place.socket_path):
            return True
        time.sleep(0.2)
    return False


def _start(place: Site, programs: Programs) -> None:
    place.data_path.mkdir(parents=True, exist_ok=True)
    place.run_path.mkdir(parents=True, exist_ok=True)
    bridge.ensure(place.bridge)
    config_path = place.engine_path / "daemon.json"
    total = shutil.disk_usage(place.data_path).total
    config = console.as_json(daemon_config(place, cache_bytes=cache_limit(total)))
    config_path.write_text(config, encoding="utf-8")
    place.log_path.unlink(missing_ok=True)  # its end must speak of this start
    pid = process.spawn_daemon(
        (programs.dockerd_path, "--config-file", config_path),
        log_path=place.log_path,
        env={"PATH": programs.search_path},
    )
    _wait_ready(place, pid)


def cache_limit(disk_bytes: int) -> int:
    """Return how much build cache to keep: an eighth of the disk, within reason.

    >>> [cache_limit(gigabytes * 10**9) // 10**9 for gigabytes in (40, 250, 2000)]
    [10, 31, 40]
    """
    return min(max(disk_bytes // 8, 10 * 10**9), 40 * 10**9)


def daemon_config(place: Site, *, cache_bytes: int) -> dict[str, Any]:
    """Return the daemon's configuration: everything that it would share with the host is off."""
    return {
        "features": {"containerd-snapshotter": True},
        "hosts": [place.host],
        "data-root": str(place.data_path),
        "exec-root": str(place.run_path / "exec"),
        "pidfile": str(place.run_path / "dockerd.pid"),
        "init-path": str(place.programs.init_path),
        "bridge": place.bridge,
        "iptables": False,
        "ip6tables": False,
        # Published ports go through docker-proxy: the host need not forward or masquerade.
        "ip-forward": False,
        "ip-masq": False,
        "shutdown-timeout": SHUTDOWN_S,
        "builder": {"gc": {"enabled": True, "defaultKeepStorage": str(cache_bytes)}},
    }


def _wait_ready(place: Site, pid: int) -> None:
    deadline = time.monotonic() + READY_S
    while not answers(place.socket_path):
        if not daemons.is_alive(pid):
            daemons.reap(pid)
            why = "ended"
        elif time.monotonic() > deadline:
            why = f"did not answer within {READY_S:.0f} s"
        else:
            time.sleep(0.1)
            continue
        msg = (
            f"the private engine {why}; the end of its log, {place.log_path}:\n"
            f"{daemons.tail(place.log_path)}"
        )
        raise NoEngineError(msg)


def _require_root(what: str) -> None:
    if os.geteuid() != 0:
        msg = f"`dockwright {what}` needs root: network bridge, mounts and containers are root's"
        raise NotRootError(msg)


def _require_space(path: Path) -> None:
    path.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(path).free
    if free < MIN_FREE_BYTES:
        msg = (
            f"{path}: {console.human_bytes(free)} free, the private engine needs "
            f"{console.human_bytes(MIN_FREE_BYTES)}; free some or set DOCKWRIGHT_HOME elsewhere"
        )
        raise NoSpaceError(msg)
