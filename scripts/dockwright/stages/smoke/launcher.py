"""An engine's client in; containers that are created, labelled and cleared away together, out."""

from __future__ import annotations

import os
import threading
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dockwright.clients import containers
from dockwright.stages.smoke.checks import CheckFailedError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from docker import DockerClient

    from dockwright.stages.smoke.subject import Subject

LABEL = "dockwright.smoke"
RUN_LABEL = "dockwright.smoke.run"


@dataclass(frozen=True, kw_only=True, slots=True)
class Launcher:
    """Makes the containers of one smoke run."""

    client: DockerClient
    run: str = field(default_factory=lambda: f"{os.getpid()}-{uuid.uuid4().hex}")
    """Tells its containers from those of others who check the same image at the same time."""
    ending: threading.Event = field(default_factory=threading.Event)

    def create(
        self,
        subject: Subject,
        argv: Sequence[str],
        *,
        stdin: bool = False,
        user: str | None = None,
        host: Mapping[str, object] | None = None,
    ) -> str:
        """Create a container without network, which the engine removes at its end."""
        options: dict[str, Any] = {"network_mode": "none", "auto_remove": True, **(host or {})}
        created = self.client.api.create_container(
            subject.image.digest,
            list(argv) or None,
            stdin_open=stdin,
            user=user,
            labels={LABEL: subject.identifier, RUN_LABEL: self.run},
            host_config=self.client.api.create_host_config(**options),
        )
        container = str(created["Id"])
        if self.ending.is_set():  # it came too late to be cleared away
            self.remove(container)
            msg = "the run is being ended"
            raise CheckFailedError(msg)
        return container

    def remove(self, container: str) -> None:
        """End and remove a container that may be going by itself already."""
        containers.remove(self.client.api, container)

    def clear(self) -> None:
        """Remove whatever of this run is still there, and let nothing follow."""
        self.ending.set()
        filters = {"label": f"{RUN_LABEL}={self.run}"}
        for container in self.client.api.containers(all=True, quiet=True, filters=filters):
            self.remove(container["Id"])

    def has_gpu(self) -> bool:
        """Tell whether the engine can give containers a GPU."""
        return "nvidia" in (self.client.api.info().get("Runtimes") or {})
