"""A host of buildspec/hosts.yml in, a client of its engine out, for the length of a block.

By ssh it is one connection: the engine's socket is forwarded to a socket here, so that many requests
cost no more logins, and neither a docker command there nor an ssh library here is needed.
"""

from __future__ import annotations

import json
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from dockwright import process
from dockwright.clients import docker, engine, fitness, unix_http
from dockwright.errors import EngineUnfitError, NoEngineError
from dockwright.spec.hosts import LOCAL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import IO

    from docker import DockerClient

    from dockwright.spec.hosts import Host
    from dockwright.workspace import Workspace

ENGINE_SOCKET = "/var/run/docker.sock"
CONNECT_S = 30
ANSWER_S = 10
ALIVE_S = 10
"""Unanswered for three times as long, a host is gone."""


@contextmanager
def connect(ws: Workspace, name: str, host: Host) -> Iterator[DockerClient]:
    """Open a client of the host's engine, which must be fit to know images by their digests."""
    if host.engine == LOCAL:
        with docker.connect(engine.find(ws)) as client:
            yield client
        return
    with _forwarded(name, host) as socket_path:
        client = _client(socket_path)
        try:
            _require_fit(name, client)
            yield client
        finally:
            client.close()


def ssh_argv(host: Host, socket_path: Path) -> list[str]:
    """Return the command that forwards the engine's socket until its standard input ends."""
    address = urlsplit(host.engine)
    remote = f"{address.username}@{address.hostname}"
    options = {
        "BatchMode": "yes",
        "IdentitiesOnly": "yes",
        "StrictHostKeyChecking": "yes",
        "UserKnownHostsFile": str(Path(host.known_hosts or "").expanduser()),
        "GlobalKnownHostsFile": "/dev/null",
        "ExitOnForwardFailure": "yes",
        "ConnectTimeout": str(CONNECT_S),
        "ServerAliveInterval": str(ALIVE_S),
        "ServerAliveCountMax": "3",
        "ControlMaster": "no",
        "ControlPath": "none",
        "ForwardAgent": "no",
        "ForwardX11": "no",
    }
    return [
        process.which("ssh", remedy="install openssh-client"),
        *(f"-o{key}={value}" for key, value in options.items()),
        *("-i", str(Path(host.identity or "").expanduser())),
        *("-p", str(address.port or 22)),
        *("-L", f"{socket_path}:{address.path or ENGINE_SOCKET}"),
        *(remote, "cat"),
    ]


@contextmanager
def _forwarded(name: str, host: Host) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="dockwright-") as folder:
        socket_path = Path(folder) / "engine.sock"
        argv = ssh_argv(host, socket_path)
        with process.streaming(argv, is_tied=True) as (ssh, said):
            _wait(name, socket_path, said, has_ended=lambda: ssh.poll() is not None)
            yield socket_path


def _wait(name: str, socket_path: Path, said: IO[str], *, has_ended: Callable[[], bool]) -> None:
    # ssh itself gives a login up; its end of the socket is there once it is forwarded.
    deadline: float | None = None
    while not unix_http.answers(socket_path):
        if has_ended():
            msg = (
                f"host {name} cannot be reached by ssh: {said.read().strip() or 'no reason given'}"
            )
            raise NoEngineError(msg)
        if deadline is None and socket_path.exists():
            deadline = time.monotonic() + ANSWER_S
        if deadline is not None and time.monotonic() > deadline:
            msg = (
                f"host {name} takes the login, but no engine answers on its socket; name the socket "
                "in buildspec/hosts.yml, as in ssh://user@host/run/docker.sock, or let the user use it"
            )
            raise NoEngineError(msg)
        time.sleep(0.1)


def _client(socket_path: Path) -> DockerClient:
    import docker as library  # noqa: PLC0415 - 0.2 s that commands without containers never need

    return library.DockerClient(base_url=f"unix://{socket_path}", timeout=docker.TIMEOUT_S)


def _require_fit(name: str, client: DockerClient) -> None:
    version, store = fitness.parse_info(json.dumps(client.info()))
    if store != fitness.CONTAINERD_STORE:
        msg = (
            f"the engine of host {name} (Docker {version}) keeps images in {store}, which knows no "
            f"digests of manifests; it needs {fitness.REQUIREMENT}"
        )
        raise EngineUnfitError(msg)
