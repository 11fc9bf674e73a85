"""This machine in; what a build needs of it, what is missing and what mends it out."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from dockwright import console
from dockwright.clients import (
    archives,
    engine,
    engine_programs,
    forwarding,
    pip_settings,
    uv_settings,
)
from dockwright.clients.fitness import EngineFacts, reasons_against
from dockwright.errors import DockwrightError

if TYPE_CHECKING:
    from dockwright.clients.engine import Candidate
    from dockwright.workspace import Workspace

MIN_PYTHON = (3, 11)
NEEDED_BYTES = 10_000_000_000
"""One CPU image: its wheels, layers and build cache."""
COMFORTABLE_BYTES = 60_000_000_000
"""A CUDA image beside the others."""


class State(StrEnum):
    """How a thing stands."""

    OK = "ok"
    NOTE = "note"
    """Works, but the user should know."""
    MISSING = "missing"
    """A build needs it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing looked at."""

    name: str
    state: State
    what: str
    remedy: str | None = None


def examine(workspace: Workspace) -> tuple[Finding, ...]:
    """Look at everything that a build needs, in the order in which to mend it."""
    is_debian, is_root = engine.is_debian(), os.geteuid() == 0
    place_path = workspace.home
    return (
        judge_python(sys.version_info[:2]),
        _uv(),
        _index(),
        judge_user(is_debian=is_debian, is_root=is_root),
        _archives(is_debian=is_debian),
        judge_mmdebstrap(is_installed=_has("mmdebstrap"), is_debian=is_debian),
        *_engine(workspace, is_debian=is_debian, is_root=is_root),
        judge_space("home", place_path, _free_bytes(place_path)),
        judge_forwarding(
            are_cut_off=forwarding.containers_are_cut_off(_search_path(workspace)),
        ),
    )


def judge_python(version: tuple[int, int]) -> Finding:
    text = ".".join(map(str, version))
    if version < MIN_PYTHON:
        remedy = "uv python install 3.11"
        return Finding(name="python", state=State.MISSING, what=text, remedy=remedy)
    return Finding(name="python", state=State.OK, what=platform.python_version())


def judge_index(*, uv_names_one: bool, pip_names_one: bool) -> Finding:
    tools = [tool for tool, names in (("uv", uv_names_one), ("pip", pip_names_one)) if names]
    what = "as configured for " + " and ".join(tools) if tools else "uv's own default"
    return Finding(name="package index", state=State.OK, what=what)


def judge_user(*, is_debian: bool, is_root: bool) -> Finding:
    if is_root:
        return Finding(name="user", state=State.OK, what="root")
    if not is_debian:
        what = "not root: enough with an engine of the host"
        return Finding(name="user", state=State.NOTE, what=what)
    what = "not root: base images cannot be bootstrapped, nor a private engine brought up"
    remedy = "run dockwright as root, or install an engine and pull the base images"
    return Finding(name="user", state=State.NOTE, what=what, remedy=remedy)


def judge_mmdebstrap(*, is_installed: bool, is_debian: bool) -> Finding:
    if is_installed:
        return Finding(name="mmdebstrap", state=State.OK, what="installed")
    if is_debian:
        what = "not installed: dockwright unpacks it privately when a base image needs it"
        return Finding(name="mmdebstrap", state=State.OK, what=what)
    what = "not installed: base images must come from a registry or another machine's store"
    remedy = "build base images on Debian, or name them with `from:` in the manifest"
    return Finding(name="mmdebstrap", state=State.NOTE, what=what, remedy=remedy)


def judge_engine(
    host: EngineFacts | None, own: EngineFacts | None, *, is_debian: bool, is_root: bool
) -> tuple[Finding, ...]:
    """Decide which engine builds would use; its buildx and image store are findings too."""
    for facts, whose in ((host, "the host's"), (own, "private")):
        if facts and facts.server_version and not reasons_against(facts):
            return (
                Finding(
                    name="engine", state=State.OK, what=f"{whose}, Docker {facts.server_version}"
                ),
                Finding(name="buildx", state=State.OK, what=str(facts.buildx_version)),
                Finding(name="image store", state=State.OK, what="containerd"),
            )
    can_come_up = is_debian and is_root
    state = State.NOTE if can_come_up else State.MISSING
    if host and host.server_version:
        what = "the host's is unfit: " + "; ".join(reasons_against(host))
    else:
        what = "none answers"
    if can_come_up:
        what += "; `make build` brings up a private one"
    return (Finding(name="engine", state=state, what=what, remedy=engine.way_out()),)


def judge_space(name: str, path: Path, free_bytes: int) -> Finding:
    what = f"{console.human_bytes(free_bytes)} free at {path}"
    remedy = "free some, or point DOCKWRIGHT_HOME to a larger disk"
    if free_bytes < NEEDED_BYTES:
        need = f"{what}; one image needs {console.human_bytes(NEEDED_BYTES)}"
        return Finding(name=name, state=State.MISSING, what=need, remedy=remedy)
    if free_bytes < COMFORTABLE_BYTES:
        note = f"{what}; the whole matrix wants {console.human_bytes(COMFORTABLE_BYTES)}"
        return Finding(name=name, state=State.NOTE, what=note, remedy=remedy)
    return Finding(name=name, state=State.OK, what=what)


def judge_forwarding(*, are_cut_off: bool | None) -> Finding:
    if are_cut_off is None:
        what = "not known: reading the FORWARD policy needs root and iptables"
        return Finding(name="container names", state=State.NOTE, what=what)
    if are_cut_off:
        what = (
            "another Docker set the FORWARD policy to DROP: containers of the private engine "
            "do not reach each other"
        )
        remedy = "use that Docker (see engine), or `iptables -P FORWARD ACCEPT` if you may"
        return Finding(name="container names", state=State.NOTE, what=what, remedy=remedy)
    what = "containers on one network reach each other"
    return Finding(name="container names", state=State.OK, what=what)


def _engine(workspace: Workspace, *, is_debian: bool, is_root: bool) -> tuple[Finding, ...]:
    host, own = engine.candidates(workspace)
    findings = judge_engine(_facts(host), _facts(own), is_debian=is_debian, is_root=is_root)
    root = engine.data_root(host) if host else None
    # The private engine keeps its images under the home, which is looked at anyway.
    if root is None or findings[0].what.startswith("private"):
        return findings
    return (*findings, judge_space("engine's disk", root, _free_bytes(root)))


def _facts(candidate: Candidate | None) -> EngineFacts | None:
    return engine.probe(candidate) if candidate else None


def _uv() -> Finding:
    import uv  # noqa: PLC0415 - only the doctor asks for it here

    try:
        return Finding(name="uv", state=State.OK, what=uv.find_uv_bin())
    except FileNotFoundError:
        remedy = "uv sync, or pip install uv"
        return Finding(name="uv", state=State.MISSING, what="not found", remedy=remedy)


def _index() -> Finding:
    """Say whose configuration names the package index; its address may hold a secret."""
    home = Path.home()
    try:
        uv = uv_settings.read(os.environ, uv_settings.config_files(os.environ, home))
        pip = pip_settings.read(os.environ, pip_settings.config_files(os.environ, home))
    except DockwrightError as e:
        remedy = "mend pip's or uv's configuration"
        return Finding(name="package index", state=State.MISSING, what=str(e), remedy=remedy)
    return judge_index(
        uv_names_one=bool(uv.default_index or uv.indexes or uv.find_links),
        pip_names_one=bool({"index-url", "extra-index-url", "find-links"} & pip.keys()),
    )


def _archives(*, is_debian: bool) -> Finding:
    name = "apt archives"
    if not is_debian:
        return Finding(name=name, state=State.NOTE, what="not a Debian host")
    try:
        archives.reach(engine_programs.ENGINE_SUITE)
    except DockwrightError as e:
        remedy = "mend apt's configuration until `apt-get update` works"
        return Finding(name=name, state=State.MISSING, what=str(e), remedy=remedy)
    return Finding(name=name, state=State.OK, what="the Debian mirror answers, signed")


def _search_path(workspace: Workspace) -> str:
    programs = engine_programs.Programs(path=workspace.engine_path / "programs")
    return programs.search_path


def _has(program: str) -> bool:
    return shutil.which(program, path=engine_programs.SYSTEM_PATH) is not None


def _free_bytes(path: Path) -> int:
    existing = next(folder for folder in (path, *path.parents) if folder.exists())
    return shutil.disk_usage(existing).free
