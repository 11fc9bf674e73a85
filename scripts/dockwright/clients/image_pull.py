"""A registry's image and an engine in; the image in the engine, by its digest, out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dockwright.clients import docker_credentials
from dockwright.errors import RegistryError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from docker import DockerClient

    from dockwright.clients.registry import Repository

SHORT = slice(len("sha256:"), len("sha256:") + 12)
"""What the engine calls a layer."""
PRESENT = "Already exists"
DONE = frozenset({PRESENT, "Download complete", "Pull complete"})


def pull(
    client: DockerClient,
    repository: Repository,
    digest: str,
    sizes: Mapping[str, int],
    advance: Callable[[int], None],
) -> int:
    """Have the engine pull an image with the login of `docker login`; it checks every digest.

    `sizes` are the layers' by digest; `advance` hears of bytes that are there. Returns how many came.
    """
    from docker.errors import APIError  # noqa: PLC0415 - slow to import

    known = {layer[SHORT]: size for layer, size in sizes.items()}
    came, present = dict.fromkeys(known, 0), set()
    login = _login(repository.session.host)
    try:
        for event in client.api.pull(
            str(repository), tag=digest, auth_config=login, stream=True, decode=True
        ):
            if error := event.get("error"):
                raise _refused(repository, digest, error)
            layer = str(event.get("id", ""))
            if event.get("status") == PRESENT:
                present.add(layer)
            if layer in known:
                now = _bytes(event, known[layer], came[layer])
                advance(now - came[layer])
                came[layer] = now
    except APIError as e:
        raise _refused(repository, digest, e.explanation or str(e)) from None
    return sum(count for layer, count in came.items() if layer not in present)


def _bytes(event: Mapping[str, Any], size_bytes: int, before: int) -> int:
    if event.get("status") in DONE:
        return size_bytes
    if event.get("status") == "Downloading":
        return max(before, int(event.get("progressDetail", {}).get("current", 0)))
    return before


def _login(host: str) -> dict[str, str] | None:
    found = docker_credentials.find(host)
    if found is None:
        return None
    if found.is_identity_token:
        return {"identitytoken": found.secret}
    return {"username": found.username, "password": found.secret}


def _refused(repository: Repository, digest: str, why: str) -> RegistryError:
    return RegistryError(f"the engine could not pull {repository}@{digest}: {why}")
