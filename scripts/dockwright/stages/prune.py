"""Images whose records suffice in; their room on the disk out."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from dockwright import console

if TYPE_CHECKING:
    from collections.abc import Iterable

    from docker import DockerClient

    from dockwright.clients.engine import Engine
    from dockwright.workspace import Workspace


def prune(ws: Workspace, references: Iterable[str], engine: Engine, client: DockerClient) -> None:
    """Remove images from the engine, and what was kept to build them faster; the wheels stay.

    The build cache of an engine that is not ours is left alone.
    """
    from docker.errors import APIError, ImageNotFound  # noqa: PLC0415 - slow to import

    before = shutil.disk_usage(ws.home).free
    for reference in references:
        try:
            client.images.remove(reference)
        except ImageNotFound:
            continue
        except APIError as e:
            console.warn(f"{reference} stays in the engine: {e.explanation}")
    if engine.private:
        client.api.prune_builds()
    if ws.layers_path.exists():
        shutil.rmtree(ws.layers_path)
    freed = max(0, shutil.disk_usage(ws.home).free - before)
    console.say(f"pruned: {console.human_bytes(freed)} are free again")
