"""A home in; an engine of its own with Docker's older image store, for a while, out."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import docker
import pytest

from dockwright.clients import engine_programs, engine_site, private_engine
from dockwright.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dockwright.clients.engine_site import Site

CONFIG = private_engine.daemon_config


@contextmanager
def engine(ws: Workspace, home: Path) -> Iterator[docker.DockerClient]:
    """Bring up a private engine that keeps images as Docker did before containerd; yield a client.

    Its programs are a copy: a process is known by the file that it runs.
    """
    programs = engine_site.site(ws).programs.path
    engine_programs.obtain(programs, apt_state_path=ws.home / "apt")
    place = engine_site.site(Workspace(root=ws.root, home=home))
    shutil.copytree(programs, place.programs.path, symlinks=True)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(private_engine, "daemon_config", _config)
            private_engine.up(place)
        client = docker.DockerClient(base_url=place.host, timeout=600)  # a busy disk
        try:
            yield client
        finally:
            client.close()
    finally:
        private_engine.down(place, purge=True)


def _config(place: Site, *, cache_bytes: int) -> dict[str, Any]:
    return {
        **CONFIG(place, cache_bytes=cache_bytes),
        "features": {"containerd-snapshotter": False},
        "storage-driver": "overlay2",
    }
