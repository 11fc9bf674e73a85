"""A workspace in, every path and name of its home's private engine out."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dockwright.clients.engine_programs import Programs

if TYPE_CHECKING:
    from dockwright.workspace import Workspace

RUN_PATH = Path("/run/dockwright")


@dataclass(frozen=True, kw_only=True, slots=True)
class Site:
    """Where everything of one home's private engine is."""

    engine_path: Path
    lock_path: Path
    apt_state_path: Path

    @property
    def key(self) -> str:
        """Eight hex digits that tell this home's engine from others on the machine."""
        return hashlib.sha256(os.fsencode(self.engine_path)).hexdigest()[:8]

    @property
    def programs(self) -> Programs:
        return Programs(path=self.engine_path / "programs")

    @property
    def data_path(self) -> Path:
        return self.engine_path / "data"

    @property
    def log_path(self) -> Path:
        return self.engine_path / "dockerd.log"

    @property
    def run_path(self) -> Path:
        """Sockets and pidfiles: short, since a socket's path is limited to 107 bytes."""
        return RUN_PATH / self.key

    @property
    def socket_path(self) -> Path:
        return self.run_path / "docker.sock"

    @property
    def host(self) -> str:
        return f"unix://{self.socket_path}"

    @property
    def bridge(self) -> str:
        return f"dockwright{self.key[:4]}"


def site(workspace: Workspace) -> Site:
    engine_path = workspace.engine_path.resolve()
    return Site(
        engine_path=engine_path,
        lock_path=workspace.home / "engine.lock",
        apt_state_path=workspace.home / "apt",
    )
