"""What a container engine says of itself in, a fit Engine or the reasons against it out."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

MIN_SERVER = (25, 0)
"""First with `COPY --link` and manifest digests in the containerd image store."""
MIN_BUILDX = (0, 13)
CONTAINERD_STORE = "io.containerd.snapshotter.v1"
REQUIREMENT = "Docker >= 25 with the containerd image store, and buildx >= 0.13"


@dataclass(frozen=True, kw_only=True, slots=True)
class Engine:
    """A container engine that answers and is fit to build with."""

    host: str
    """As DOCKER_HOST says it, such as `unix:///var/run/docker.sock`."""
    docker: tuple[str, ...]
    """Start of a docker command line for this engine, `--host` included."""
    buildx: tuple[str, ...]
    """Start of a buildx command line for this engine."""
    env: Mapping[str, str] = field(default_factory=dict)
    """To be added to the environment of both."""
    private: bool
    server_version: str
    buildx_version: str


@dataclass(frozen=True, kw_only=True, slots=True)
class EngineFacts:
    """What an engine and its command line say; None where they do not answer."""

    server_version: str | None
    image_store: str | None
    buildx_version: str | None
    """Of the buildx on this machine: None when there is none."""


def parse_info(text: str) -> tuple[str | None, str | None]:
    """Parse `docker info --format '{{json .}}'` into server version and image store.

    Both are None when no server answered, or something that does not answer as Docker does.
    """
    try:
        info: Any = json.loads(text)
    except json.JSONDecodeError:
        return None, None
    if not isinstance(info, dict) or info.get("ServerErrors") or not info.get("ServerVersion"):
        return None, None
    status = {str(key): str(value) for key, value in info.get("DriverStatus") or []}
    return str(info["ServerVersion"]), status.get("driver-type") or str(info.get("Driver"))


def version_numbers(text: str) -> tuple[int, int] | None:
    """Return major and minor of the first version in a text.

    >>> version_numbers("github.com/docker/buildx v0.13.1+ds1 abc"), version_numbers("dev")
    ((0, 13), None)
    """
    match = re.search(r"(?<![\d.])v?(\d+)\.(\d+)", text)
    return (int(match[1]), int(match[2])) if match else None


def reasons_against(facts: EngineFacts) -> tuple[str, ...]:
    """Say everything that makes an answering engine unfit, each with its way out."""
    reasons = []
    server = version_numbers(facts.server_version or "")
    if server is None or server < MIN_SERVER:
        reasons.append(f"its version is {facts.server_version}; install Docker 25 or newer")
    if facts.image_store != CONTAINERD_STORE:
        reasons.append(
            f"its image store is {facts.image_store}, which knows no manifest digests; set "
            '"features": {"containerd-snapshotter": true} in /etc/docker/daemon.json and restart '
            "Docker (in Docker Desktop: Settings, General, Use containerd)"
        )
    buildx = version_numbers(facts.buildx_version or "")
    if facts.buildx_version is None:
        reasons.append("the docker command has no buildx; install docker-buildx-plugin")
    elif buildx is None or buildx < MIN_BUILDX:
        reasons.append(f"buildx is {facts.buildx_version}; install buildx 0.13 or newer")
    return tuple(reasons)
