"""The host's engine is taken when it is fit; when it is not, the user learns why and what to do."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from dockwright.clients import engine
from dockwright.clients.fitness import CONTAINERD_STORE
from dockwright.errors import EngineUnfitError, NoEngineError
from dockwright.workspace import Workspace

if TYPE_CHECKING:
    from pathlib import Path

DOCKER = """\
#!/bin/sh
case "$*" in
*"context inspect"*) echo unix:///run/other.sock ;;
*"buildx version"*) {buildx} ;;
*info*) {info} ;;
*) exit 125 ;;
esac
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(root=tmp_path, home=tmp_path / "home")


@pytest.fixture(autouse=True)
def _no_docker_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)


def install_docker(
    monkeypatch: pytest.MonkeyPatch, folder: Path, *, info: str, buildx: str = "exit 1"
) -> Path:
    """Put a docker command that talks to such an engine on PATH."""
    program = folder / "docker"
    program.write_text(DOCKER.format(info=info, buildx=buildx), encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    assert shutil.which("docker") == str(program)
    return program


def info(version: str, driver_type: str) -> str:
    data = {"ServerVersion": version, "DriverStatus": [["driver-type", driver_type]]}
    return f"echo '{json.dumps(data)}'"


BUILDX = "echo github.com/docker/buildx v0.24.0 abc"


def test_a_fit_engine_of_the_host_is_taken_through_the_current_context(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = install_docker(
        monkeypatch, tmp_path, info=info("28.2.2", CONTAINERD_STORE), buildx=BUILDX
    )
    found = engine.find(workspace)
    assert not found.private
    assert found.host == "unix:///run/other.sock"
    assert found.docker == (str(program), "--host", found.host)
    assert found.buildx == (*found.docker, "buildx")
    assert (found.server_version, found.buildx_version) == ("28.2.2", "v0.24.0")


def test_docker_host_goes_before_the_context(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    install_docker(monkeypatch, tmp_path, info=info("28.2.2", CONTAINERD_STORE), buildx=BUILDX)
    monkeypatch.setenv("DOCKER_HOST", "tcp://builder.example:2376")
    assert engine.find(workspace).host == "tcp://builder.example:2376"


def test_an_unfit_engine_is_refused_with_every_reason_and_the_way_out(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    install_docker(monkeypatch, tmp_path, info=info("20.10.24", "overlay2"))
    with pytest.raises(EngineUnfitError) as caught:
        engine.find(workspace)
    text = str(caught.value)
    for word in ("unix:///run/other.sock", "20.10.24", "overlay2", "buildx", engine.way_out()):
        assert word in text


def test_an_engine_that_does_not_answer_is_none(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    install_docker(monkeypatch, tmp_path, info="echo Cannot connect >&2; exit 1")
    with pytest.raises(NoEngineError, match=r"no container engine answers at unix:///run/other"):
        engine.find(workspace)


def test_without_a_docker_command_there_is_none(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(NoEngineError, match="there is no docker command"):
        engine.find(workspace)


def test_a_private_engine_that_never_ran_is_told_as_not_running(workspace: Workspace) -> None:
    status = engine.status(workspace)
    assert not status.running
    assert status.pid is None
