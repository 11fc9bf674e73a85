"""A fit engine in, docker-py's client for its containers and images out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dockwright.errors import NoEngineError

if TYPE_CHECKING:
    import docker

    from dockwright.clients.fitness import Engine

TIMEOUT_S = 120


def connect(engine: Engine) -> docker.DockerClient:
    """Open a client; close it, or use it as a context manager."""
    import docker  # noqa: PLC0415 - 0.2 s that commands without containers never need

    try:
        if not engine.private and not engine.host.startswith("unix://"):
            # Certificates and their check stand in the environment, as for the docker command.
            return docker.from_env(timeout=TIMEOUT_S, use_ssh_client=True)
        return docker.DockerClient(base_url=engine.host, timeout=TIMEOUT_S)
    except docker.errors.DockerException as e:
        msg = f"the container engine at {engine.host} does not answer any more: {e}"
        raise NoEngineError(msg) from e
