"""A workspace in, the container engine to build and run with out: the host's, or a private one."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dockwright import process
from dockwright.clients import engine_site, private_engine, unix_http
from dockwright.clients.fitness import (
    REQUIREMENT,
    Engine,
    EngineFacts,
    parse_info,
    reasons_against,
)
from dockwright.errors import EngineUnfitError, NoEngineError, NotRootError, ProcessError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dockwright.clients.engine_site import Site
    from dockwright.workspace import Workspace

__all__ = ["Engine", "EngineStatus", "down", "ensure", "find", "status", "up"]

DEFAULT_HOST = "unix:///var/run/docker.sock"
OS_RELEASE = Path("/etc/os-release")


@dataclass(frozen=True, kw_only=True, slots=True)
class EngineStatus:
    """The private engine of a home, running or not."""

    running: bool
    host: str
    pid: int | None
    bridge: str
    data_path: Path
    log_path: Path
    server_version: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """An engine that may be there, and the command lines that reach it."""

    host: str
    docker: tuple[str, ...]
    buildx: tuple[str, ...]
    env: Mapping[str, str]
    private: bool


def find(workspace: Workspace) -> Engine:
    """Return the host's engine if it is fit, else the private one if it runs."""
    host, own = candidates(workspace)
    engine, reasons = judge(host)
    if engine is None:
        engine, _ = judge(own)
    if engine is not None:
        return engine
    if host and reasons:
        listed = "".join(f"\n- {reason}" for reason in reasons)
        msg = f"the container engine at {host.host} is unfit:{listed}\n{way_out()}"
        raise EngineUnfitError(msg)
    where = f"no container engine answers at {host.host}" if host else "there is no docker command"
    msg = f"{where}, and no private engine runs.\n{way_out()}"
    raise NoEngineError(msg)


def ensure(workspace: Workspace) -> Engine:
    """Return what `find` returns; where there is nothing, bring the private engine up."""
    try:
        return find(workspace)
    except (NoEngineError, EngineUnfitError) as e:
        if not is_debian():
            raise
        if os.geteuid() != 0:
            raise NotRootError(str(e)) from None
    return up(workspace)


def up(workspace: Workspace) -> Engine:
    """Bring the private engine up and return it."""
    if not is_debian():
        raise NoEngineError(way_out())
    place = engine_site.site(workspace)
    private_engine.up(place)
    engine, reasons = judge(private_candidate(place))
    if engine is None:
        why = "; ".join(reasons) or "it does not answer"
        msg = f"the private engine started, but {why}; its log is {place.log_path}"
        raise NoEngineError(msg)
    return engine


def down(workspace: Workspace, *, purge: bool = False) -> None:
    """Stop the private engine; `purge` deletes its images, build cache and programs too."""
    private_engine.down(engine_site.site(workspace), purge=purge)


def status(workspace: Workspace) -> EngineStatus:
    """Say whether the private engine runs, and where it is."""
    place = engine_site.site(workspace)
    running = next(iter(private_engine.dockerd(place)), None)
    own = private_candidate(place)
    facts = probe(own) if own else None
    return EngineStatus(
        running=facts is not None and facts.server_version is not None,
        host=place.host,
        pid=running.pid if running else None,
        bridge=place.bridge,
        data_path=place.data_path,
        log_path=place.log_path,
        server_version=facts.server_version if facts else None,
    )


def candidates(workspace: Workspace) -> tuple[Candidate | None, Candidate | None]:
    """Return the host's engine and the private one, each where there is a way to it."""
    return host_candidate(), private_candidate(engine_site.site(workspace))


def data_root(candidate: Candidate) -> Path | None:
    """Return the folder of an engine's images when it is on this machine."""
    argv = (*candidate.docker, "info", "--format", "{{.DockerRootDir}}")
    try:
        path = Path(process.run(argv, timeout_s=30, env=candidate.env).strip())
    except ProcessError:
        return None
    return path if candidate.host.startswith("unix://") and path.is_dir() else None


def host_candidate() -> Candidate | None:
    """Return the engine that the host's docker command talks to; None without that command."""
    program = shutil.which("docker")
    if program is None:
        return None
    host = os.environ.get("DOCKER_HOST") or _context_host(program)
    docker = (program, "--host", host)
    return Candidate(host=host, docker=docker, buildx=(*docker, "buildx"), env={}, private=False)


def private_candidate(place: Site) -> Candidate | None:
    """Return the private engine when its socket answers."""
    if not unix_http.answers(place.socket_path):
        return None
    env = {
        "DOCKER_HOST": place.host,
        # The user's own choices speak of other engines.
        "DOCKER_CONTEXT": "",
        "DOCKER_TLS_VERIFY": "",
        **_builder(place),
    }
    return Candidate(
        host=place.host,
        docker=(str(place.programs.docker_path), "--host", place.host),
        buildx=(str(place.programs.buildx_path),),
        env=env,
        private=True,
    )


def _builder(place: Site) -> dict[str, str]:
    """Return what makes buildx use the engine's own builder, unless the user names another one."""
    if os.environ.get("BUILDX_BUILDER"):
        return {}
    return {"BUILDX_BUILDER": "default", "BUILDX_CONFIG": str(place.engine_path / "buildx")}


def judge(candidate: Candidate | None) -> tuple[Engine | None, tuple[str, ...]]:
    """Return the engine if it is fit, else the reasons; neither when it does not answer."""
    if candidate is None:
        return None, ()
    facts = probe(candidate)
    if facts.server_version is None:
        return None, ()
    reasons = reasons_against(facts)
    if reasons or facts.buildx_version is None:
        return None, reasons
    engine = Engine(
        host=candidate.host,
        docker=candidate.docker,
        buildx=candidate.buildx,
        env=candidate.env,
        private=candidate.private,
        server_version=facts.server_version,
        buildx_version=facts.buildx_version,
    )
    return engine, ()


def probe(candidate: Candidate) -> EngineFacts:
    """Ask an engine and its buildx what they are."""
    argv = (*candidate.docker, "info", "--format", "{{json .}}")
    try:
        version, store = parse_info(process.run(argv, timeout_s=30, env=candidate.env))
    except ProcessError:
        version, store = None, None
    buildx_version = _buildx(candidate) if version else None
    return EngineFacts(server_version=version, image_store=store, buildx_version=buildx_version)


def is_debian() -> bool:
    """Tell whether this is a Debian host, where the private engine's packages fit."""
    if not OS_RELEASE.is_file() or shutil.which("apt-get") is None:
        return False
    return "ID=debian" in OS_RELEASE.read_text(encoding="utf-8").splitlines()


def way_out() -> str:
    """Say how to get a fit engine on this host."""
    if is_debian():
        return "Run `dockwright engine up` as root: it brings up a private engine"
    return (
        f"Install {REQUIREMENT}; switch the store on with "
        '"features": {"containerd-snapshotter": true} in /etc/docker/daemon.json, then restart '
        "Docker. (On Debian, `dockwright engine up` brings up a private engine by itself)"
    )


def _context_host(program: str) -> str:
    try:
        argv = (program, "context", "inspect", "--format", "{{.Endpoints.docker.Host}}")
        return process.run(argv, timeout_s=30).strip() or DEFAULT_HOST
    except ProcessError:
        return DEFAULT_HOST


def _buildx(candidate: Candidate) -> str | None:
    try:
        words = process.run((*candidate.buildx, "version"), timeout_s=30, env=candidate.env).split()
    except ProcessError:
        return None
    # github.com/docker/buildx 0.13.1+ds1 <commit>
    return words[1] if len(words) > 1 else None
