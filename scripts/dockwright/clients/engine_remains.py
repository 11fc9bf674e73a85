"""What a stopped or killed private engine left behind in, nothing of it out."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from dockwright import console, process
from dockwright.clients import bridge, daemons

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dockwright.clients.engine_site import Site

MOUNTINFO = Path("/proc/self/mountinfo")
HOLDERS = ("containerd-shim", "runc")
"""Parents of containers: of running ones, and of build steps."""
COMMANDS = ("docker", "docker-buildx")
"""They end by themselves when nothing answers any more."""
NETWORKS_DB = Path("network/files/local-kv.db")


def sweep(place: Site) -> None:
    """End the engine's processes and remove its mounts, bridges, sockets and pidfiles."""
    _end_processes(place)
    for mount in mounts_below(
        MOUNTINFO.read_text(encoding="utf-8"), (place.run_path, place.engine_path)
    ):
        console.debug(f"unmount {mount}")
        process.run(("umount", "--lazy", mount), timeout_s=30)
    for name in (place.bridge, *_network_bridges(place.data_path)):
        bridge.remove(name)
    for address_path in place.run_path.glob("exec/containerd/daemon/*/*/*/address"):
        # A killed shim's socket lies outside, at an address that containerd fixes.
        Path(address_path.read_text(encoding="utf-8").removeprefix("unix://")).unlink(
            missing_ok=True
        )
    # With it go the pidfiles of dockerd and its containerd: either would take whatever program
    # has such a pid today for its own, and containerd's would even be killed.
    shutil.rmtree(place.run_path, ignore_errors=True)


def mounts_below(mountinfo: str, folders: Iterable[Path]) -> tuple[Path, ...]:
    """Return the mount points below the folders, innermost first, stacked ones repeatedly."""
    points = (_unescape(line.split(" ")[4]) for line in mountinfo.splitlines())
    roots = tuple(folders)
    below = [p for p in points if any(p.is_relative_to(root) for root in roots)]
    return tuple(sorted(below, key=lambda p: len(p.parts), reverse=True))


def _end_processes(place: Site) -> None:
    """End daemons first, or containerd would start anew; then what holds containers."""
    ours = daemons.running(place.programs.path)
    holders = [p for p in ours if p.exe_path.name.startswith(HOLDERS)]
    order = {"dockerd": 0, "containerd": 1}
    for daemon in sorted(ours, key=lambda p: order.get(p.exe_path.name, 2)):
        if daemon not in holders and daemon.exe_path.name not in COMMANDS:
            daemons.end(daemon, grace_s=15)
    # A container's processes first: they outlive a parent, and a shim ignores SIGTERM.
    for orphan in (*daemons.rooted_in(place.data_path), *holders):
        daemons.end(orphan, grace_s=0)


def _network_bridges(data_path: Path) -> tuple[str, ...]:
    """Return the bridges of user networks: dockerd leaves them when it stops, and makes them anew.

    Its database names them; an identifier is 48 random bits, so a plain search will do.
    """
    database = data_path / NETWORKS_DB
    if not database.is_file():
        return ()
    known = database.read_bytes()
    return tuple(
        name
        for name in bridge.names()
        if re.fullmatch(r"br-[0-9a-f]{12}", name) and name.encode() in known
    )


def _unescape(point: str) -> Path:
    r"""Undo the kernel's octal escapes.

    >>> str(_unescape(r"/a\040b"))
    '/a b'
    """
    return Path(re.sub(r"\\([0-7]{3})", lambda m: chr(int(m[1], 8)), point))
