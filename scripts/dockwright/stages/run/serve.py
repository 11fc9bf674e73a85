"""A model's files and an inference image in; an endpoint until it ends or is ended, its code, out."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dockwright import console
from dockwright.clients import containers, tar_stream
from dockwright.errors import JobError
from dockwright.stages.run.job import ML
from dockwright.stages.run.site import LABEL, Host

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from docker import DockerClient

    from dockwright.stages.run.site import Process
    from dockwright.stages.run.tree import File

PORT = 8080
"""What the image listens on, by SageMaker's contract."""
NAME = "endpoint"
POLL_S = 0.5
DRAIN_S = 60.0
"""How long requests under way may take after Ctrl-C; the image gives them thirty seconds."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Endpoint:
    """What is to be served."""

    image: str
    """A reference that the engine has."""
    model: tuple[File, ...]
    """None for a model that the environment names, by HF_MODEL_ID."""
    environment: Mapping[str, str]
    port: int
    """On the engine's machine, reached from there alone; 0 for any that is free."""
    has_gpus: bool


def serve(client: DockerClient, endpoint: Endpoint, *, is_local: bool) -> int:
    """Serve until Ctrl-C, or until the image's `serve` ends by itself; return its exit code.

    Requests that are under way at Ctrl-C are answered. Where the engine is not on this machine, its
    port cannot be asked from here. JobError when the engine refuses.
    """
    with _opened(client, endpoint) as host, host.running("serve") as process:
        threading.Thread(target=_relay, args=(process,), daemon=True).start()
        address = _address(client, host)
        try:
            if is_local:
                _tell_when_ready(process, address)
            else:
                console.say(f"on the engine's machine: {address}/invocations")
            return _wait(process)
        except KeyboardInterrupt:
            console.say("stopping: requests that are under way are answered")
            host.stop()
            _wait(process, timeout_s=DRAIN_S)
            raise


@contextmanager
def _opened(client: DockerClient, endpoint: Endpoint) -> Iterator[Host]:
    """Make the container, which is gone after the block, or with us should we be killed."""
    from requests import RequestException  # noqa: PLC0415 - slow to import

    api = client.api
    options: dict[str, Any] = {"device_requests": [containers.GPUS]} if endpoint.has_gpus else {}
    published = ("127.0.0.1", endpoint.port or None)
    try:
        container = api.create_container(
            endpoint.image,
            ["cat"],
            stdin_open=True,
            environment=dict(endpoint.environment),
            labels={LABEL: NAME},
            volumes=[f"/{ML}"],
            ports=[PORT],
            host_config=api.create_host_config(
                auto_remove=True, port_bindings={PORT: published}, **options
            ),
        )["Id"]
        try:
            with containers.kept_alive(api, container):
                host = Host(name=NAME, api=api, container=container)
                size_bytes = sum(file.size_bytes for file in endpoint.model)
                with console.transfer("sending the model", size_bytes) as transfer:
                    host.receive(_archive(endpoint.model, transfer.advance))
                yield host
        finally:
            containers.remove(api, container)
    except RequestException as e:  # the engine's own refusals are among these
        msg = f"the container engine could not serve: {getattr(e, 'explanation', None) or e}"
        raise JobError(msg) from e


def _archive(model: tuple[File, ...], on_bytes: Callable[[int], None]) -> Iterator[bytes]:
    yield tar_stream.folder(f"{ML}/model", 0o777)
    for file in model:
        name = f"{ML}/model/{file.name}"
        for piece in tar_stream.file(name, file.path, file.size_bytes, file.mode):
            on_bytes(len(piece))
            yield piece
    yield tar_stream.END


def _relay(process: Process) -> None:
    try:
        for _, piece in process.output():
            console.relay(piece, is_talk=True)
    except (OSError, ValueError):  # the connection was closed under us: it is over
        pass


def _address(client: DockerClient, host: Host) -> str:
    ports = client.api.inspect_container(host.container)["NetworkSettings"]["Ports"]
    return f"http://127.0.0.1:{ports[f'{PORT}/tcp'][0]['HostPort']}"


def _tell_when_ready(process: Process, address: str) -> None:
    """Say when /ping is green."""
    import httpx  # noqa: PLC0415 - slow to import

    while process.exit_code() is None:
        try:
            if httpx.get(f"{address}/ping", timeout=5).is_success:
                console.say(f"ready: {address}/invocations; {address}/docs is a page to try it")
                return
        except httpx.HTTPError:
            pass  # it does not listen yet
        time.sleep(POLL_S)


def _wait(process: Process, *, timeout_s: float | None = None) -> int:
    """Return the exit code once there is one; 0 when the time is over."""
    deadline = None if timeout_s is None else time.monotonic() + timeout_s
    while (code := process.exit_code()) is None:
        if deadline is not None and time.monotonic() > deadline:
            return 0
        time.sleep(POLL_S)
    return code
