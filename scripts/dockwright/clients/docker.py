"""A fit engine in, docker-py's client for its containers and images out."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dockwright.errors import NoEngineError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import docker

    from dockwright.clients.fitness import Engine

TIMEOUT_S = 120


@contextmanager
def connect(engine: Engine) -> Iterator[docker.DockerClient]:
    """Open a client for the length of a block."""
    import docker  # noqa: PLC0415 - 0.2 s that commands without containers never need

    try:
        client = _client(engine)
    except docker.errors.DockerException as e:
        msg = f"the container engine at {engine.host} does not answer any more: {e}"
        raise NoEngineError(msg) from e
    try:
        yield client
    finally:
        client.close()


def _client(engine: Engine) -> docker.DockerClient:
    import docker  # noqa: PLC0415 - as above

    if engine.private or engine.host.startswith("unix://"):
        return docker.DockerClient(base_url=engine.host, timeout=TIMEOUT_S)
    # Certificates and their check stand in the environment, as for the docker command.
    environment = {**os.environ, "DOCKER_HOST": engine.host}
    return docker.from_env(timeout=TIMEOUT_S, use_ssh_client=True, environment=environment)
