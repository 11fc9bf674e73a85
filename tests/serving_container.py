"""An inference image in; containers of it that serve, and volumes with models for them, out.

Everything reaches a container through the engine's own interface: it may be on another machine.
"""

from __future__ import annotations

import io
import json
import re
import tarfile
import time
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx

from http_caller import http_client

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from docker import DockerClient
    from docker.models.containers import Container

MODEL = "/opt/ml/model"
PORT = 8080
READY_S = 90.0
Files = dict[str, bytes]
HUB_MODEL = "someone/model"
HUB_TOKEN = "for-tests"  # noqa: S105 - of a hub of our own
_HUB = f"""
import sys, threading
from pathlib import Path
sys.path.insert(0, "/tests")
from hub_mirror import hub_mirror
with hub_mirror(Path("/hub"), token="{HUB_TOKEN}", host="0.0.0.0") as endpoint:
    print(endpoint, flush=True)
    threading.Event().wait()
"""
_ASK = """
import sys, urllib.error, urllib.request
path, body = sys.argv[1:]
request = urllib.request.Request(path, body.encode() or None, {"content-type": "application/json"})
try:
    with urllib.request.urlopen(request, timeout=30) as answer:
        print(answer.status, answer.read().decode())
except urllib.error.HTTPError as error:
    print(error.code, error.read().decode())
except OSError as error:
    print(0, error)
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class ServingContainer:
    """A container that serves, or tries to."""

    container: Container
    client: httpx.Client
    """For its published port; of no use without a network."""

    def ask_inside(self, path: str, body: str = "", *, port: int = PORT) -> tuple[int, str]:
        """Ask from inside the container, as one without a network must be; 0: nobody answers."""
        url = f"http://127.0.0.1:{port}{path}"
        status, _, text = self.run("python3", "-c", _ASK, url, body).partition(" ")
        return int(status), text.strip()

    def run(self, *argv: str) -> str:
        """Return what a program inside says."""
        code, output = self.container.exec_run(list(argv))
        assert isinstance(output, bytes)
        assert code == 0, output.decode()
        return output.decode()

    def wait_for_ping(self, status: int = 200, *, inside: bool = False, port: int = PORT) -> str:
        """Wait until /ping says more than "starting", with that status; return its body."""
        deadline = time.monotonic() + READY_S
        while True:
            last, text = self.ask_inside("/ping", port=port) if inside else self._ping()
            is_starting = not last or "starting" in text
            if last == status and not is_starting:
                return text
            assert self.is_running(), f"the container has ended:\n{self.log()}"
            has_time = is_starting and time.monotonic() < deadline
            assert has_time, f"/ping gave {last} {text}:\n{self.log()}"
            time.sleep(0.05)

    def _ping(self) -> tuple[int, str]:
        try:
            answer = self.client.get("/ping")
        except httpx.TransportError as error:
            return 0, str(error)
        return answer.status_code, answer.text

    def is_running(self) -> bool:
        """Whether it has not ended."""
        self.container.reload()
        return bool(self.container.status == "running")

    def log(self) -> str:
        """Return all it has written."""
        text: str = self.container.logs().decode()
        return text

    def events(self, message: str) -> list[dict[str, Any]]:
        """Return the log's lines with that message."""
        lines = [line for line in self.log().splitlines() if line.startswith("{")]
        return [event for event in map(json.loads, lines) if event["message"] == message]

    def metric(self, name: str) -> float:
        """Return a figure of /metrics."""
        lines = self.client.get("/metrics").text.splitlines()
        return next(float(line.split()[1]) for line in lines if line.startswith(f"{name} "))


@dataclass(frozen=True, kw_only=True, slots=True)
class ServingImage:
    """Makes containers of an image; each is gone at the end of its block."""

    docker: DockerClient
    digest: str
    address: str
    """Where published ports are."""

    @contextmanager
    def volume(self, files: Mapping[str, bytes]) -> Iterator[str]:
        """Yield the name of a volume that holds these files."""
        volume = self.docker.volumes.create(f"dockwright-test-{uuid.uuid4().hex}")
        try:
            with self.created(volumes={volume.name: {"bind": "/filled", "mode": "rw"}}) as filler:
                assert filler.put_archive("/filled", tar(files))
            yield volume.name
        finally:
            volume.remove(force=True)

    @contextmanager
    def created(self, *argv: str, **options: object) -> Iterator[Container]:
        """Yield a container that is not started."""
        container = self.docker.containers.create(self.digest, list(argv) or None, **options)  # type: ignore[arg-type]
        try:
            yield container
        finally:
            container.remove(force=True, v=True)

    @contextmanager
    def running(
        self,
        *argv: str,
        model: Mapping[str, bytes] | str | None = None,
        at: str = MODEL,
        env: Mapping[str, str] | None = None,
        port: int = PORT,
        files: Mapping[str, bytes] | None = None,
        options: Mapping[str, object] | None = None,
    ) -> Iterator[ServingContainer]:
        """Yield a started container: a model mounted read-only, as SageMaker does it.

        Args:
            argv: the command, where it is not the image's own.
            model: what is in /opt/ml/model, or a volume's name; None: nothing is mounted there.
            at: where it is mounted instead.
            env: variables.
            port: the one to publish, where there is a network.
            files: what else is to be in the container, by path from the root.
            options: what else docker-py's `create` takes.
        """
        given = dict(options or {})
        networked = given.get("network_mode") != "none"
        ports = {f"{port}/tcp": (self._binding(), None)} if networked else {}
        with (
            self._mounted(model, at) as volumes,
            self.created(
                *argv, volumes=volumes, environment=dict(env or {}), ports=ports, **given
            ) as container,
        ):
            if files:
                assert container.put_archive("/", tar(files))
            container.start()
            url = f"http://{self.address}:{_published(container, port) if networked else PORT}"
            with http_client(url, timeout_s=60) as client:
                yield ServingContainer(container=container, client=client)

    @contextmanager
    def _mounted(
        self, model: Mapping[str, bytes] | str | None, at: str
    ) -> Iterator[dict[str, dict[str, str]]]:
        if model is None:
            yield {}
        elif isinstance(model, str):
            yield {model: {"bind": at, "mode": "ro"}}
        else:
            with self.volume(model) as name:
                yield {name: {"bind": at, "mode": "ro"}}

    def _binding(self) -> str:
        return "127.0.0.1" if self.address == "127.0.0.1" else "0.0.0.0"  # noqa: S104 - of theirs


@contextmanager
def served_hub(image: ServingImage, tests: Files, model: Files, *, network: str) -> Iterator[str]:
    """Yield the address, in a network, of a hub that has one model for those with a token."""
    files = tests | {f"hub/{HUB_MODEL}/{name}": content for name, content in model.items()}
    options = {"network": network}
    with image.running("python3", "-c", _HUB, files=files, options=options) as hub:
        deadline = time.monotonic() + READY_S
        while not (found := re.search(r":(\d+)\n", hub.log())):
            assert hub.is_running(), hub.log()
            assert time.monotonic() < deadline, "the hub does not come up"
            time.sleep(0.05)
        hub.container.reload()
        networks = hub.container.attrs["NetworkSettings"]["Networks"]
        yield f"http://{networks[network]['IPAddress']}:{found[1]}"


def address_of(host: str) -> str:
    """Return where an engine publishes ports.

    >>> address_of("unix:///run/docker.sock"), address_of("ssh://me@far:22")
    ('127.0.0.1', 'far')
    """
    return urlsplit(host).hostname or "127.0.0.1"


def tar(files: Mapping[str, bytes], *, mode: str = "w") -> bytes:
    """Return an archive of files that anyone may read; "w:gz": a compressed one."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=mode) as archive:  # type: ignore[call-overload]
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(content), 0o644
            archive.addfile(info, io.BytesIO(content))
    return stream.getvalue()


def untar(stream: Iterator[bytes]) -> Files:
    """Return the files of an archive as an engine gives it, without the folder they are in."""
    with tarfile.open(fileobj=io.BytesIO(b"".join(stream))) as archive:
        return {
            member.name.partition("/")[2]: archive.extractfile(member).read()  # type: ignore[union-attr]
            for member in archive
            if member.isfile()
        }


def _published(container: Container, port: int) -> int:
    container.reload()
    places = container.ports[f"{port}/tcp"]
    assert places, f"{port} is not published"
    return int(places[0]["HostPort"])
