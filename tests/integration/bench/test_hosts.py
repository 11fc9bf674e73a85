"""Promises of hosts by ssh, with a real sshd on loopback that leads to this machine's engine."""

from __future__ import annotations

import io
import json
import tarfile
import time
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from dockwright import process
from dockwright.clients import docker, images
from dockwright.clients import engine as engines
from dockwright.spec.bench_records import SuiteStatus
from dockwright.workspace import Workspace
from integration.bench.conftest import WAIT_S, Site, lines_of
from integration.bench.test_bench import WAITS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from docker import DockerClient

    from dockwright.clients.engine import Engine
    from dockwright.spec.records import BuildRecord

PORT = 2222
SSHD = (
    "mkdir -p /run/sshd && exec /usr/sbin/sshd -D -e -p 2222 -h /keys/host "
    "-o AuthorizedKeysFile=/keys/user.pub -o PasswordAuthentication=no"
)
TRAINING = "pytorch-*-transformers5*-training-cpu"


@dataclass(frozen=True, kw_only=True, slots=True)
class Sshd:
    """A container that is the far machine: a real sshd, and the engine's socket."""

    client: DockerClient
    container: str
    port: int
    keys_path: Path

    def host(self, *, known_hosts: str = "known_hosts") -> str:
        """Return buildspec/hosts.yml with this machine in it."""
        return (
            f"hosts:\n  far:\n    engine: ssh://root@127.0.0.1:{self.port}\n"
            f"    identity: {self.keys_path / 'user'}\n"
            f"    known_hosts: {self.keys_path / known_hosts}\n"
        )

    def connections(self) -> int:
        """Return how many logins it has accepted."""
        log = self.client.api.logs(self.container).decode()
        return log.count("Accepted publickey")


@pytest.fixture(scope="module")
def training(dockwright: Callable[..., str], engine: Engine) -> Iterator[str]:
    """An image that has Debian's openssh-server; there by digest whoever takes its tag."""
    (facts,) = json.loads(dockwright("build", TRAINING, "--json"))
    with docker.connect(engine) as client:
        tag = uuid.uuid4().hex
        assert client.images.get(facts["reference"]).tag("dockwright-test-sshd", tag)
        yield facts["digest"]
        client.images.remove(f"dockwright-test-sshd:{tag}")


@pytest.fixture
def sshd(training: str, engine: Engine, tmp_path: Path) -> Iterator[Sshd]:
    """A way to this machine's engine."""
    with _sshd(training, engine, engine, tmp_path / "keys") as made:
        yield made


@contextmanager
def _sshd(training: str, engine: Engine, behind: Engine, keys_path: Path) -> Iterator[Sshd]:
    keys_path.mkdir()
    for name in ("host", "user", "other"):
        argv = ("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(keys_path / name))
        process.run(argv, timeout_s=60)
    with docker.connect(engine) as client:
        container = _started(client, training, behind.host.removeprefix("unix://"), keys_path)
        try:
            ports = client.api.inspect_container(container)["NetworkSettings"]["Ports"]
            port = int(ports[f"{PORT}/tcp"][0]["HostPort"])
            for file, key in (("known_hosts", "host"), ("wrong_hosts", "other")):
                text = (keys_path / f"{key}.pub").read_text()
                (keys_path / file).write_text(f"[127.0.0.1]:{port} {text}")
            _wait(client, container)
            yield Sshd(client=client, container=container, port=port, keys_path=keys_path)
        finally:
            client.api.remove_container(container, force=True)


def _started(client: DockerClient, image: str, socket: str, keys_path: Path) -> str:
    api = client.api
    host = api.create_host_config(
        binds=[f"{socket}:/var/run/docker.sock"], port_bindings={PORT: ("127.0.0.1",)}
    )
    name = f"dockwright-sshd-{uuid.uuid4().hex}"
    container: str = api.create_container(
        image, ["sh", "-c", SSHD], ports=[PORT], host_config=host, name=name
    )["Id"]
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for file, mode in (("host", 0o600), ("user.pub", 0o644)):
            content = (keys_path / file).read_bytes()
            member = tarfile.TarInfo(f"keys/{file}")
            member.size, member.mode = len(content), mode
            archive.addfile(member, io.BytesIO(content))
    api.put_archive(container, "/", buffer.getvalue())
    api.start(container)
    return container


def _wait(client: DockerClient, container: str) -> None:
    deadline = time.monotonic() + WAIT_S
    while b"Server listening" not in client.api.logs(container):
        assert time.monotonic() < deadline, client.api.logs(container)
        time.sleep(0.2)


def test_an_image_is_measured_through_one_connection(site: Site, sshd: Sshd) -> None:
    site.hosts(sshd.host())
    site.bench(site.identifier, "--host", "far", "--runs", "2")
    record = site.record()
    assert record.host == "far"
    assert [suite.status for suite in record.suites] == [SuiteStatus.MEASURED]
    assert {line["host"] for line in lines_of(site.ws.bench_path / "history.jsonl")} == {"far"}
    assert sshd.connections() == 1
    assert site.left() == []


def test_a_host_with_another_key_is_not_believed(site: Site, sshd: Sshd) -> None:
    site.hosts(sshd.host(known_hosts="wrong_hosts"))
    why = site.fails(site.identifier, "--host", "far", "--runs", "1")
    assert "host far cannot be reached by ssh" in why
    assert "Host key verification failed" in why
    assert sshd.connections() == 0


def test_a_host_that_is_lost_in_mid_run_leaves_a_failed_record_and_no_container(
    site: Site, sshd: Sshd
) -> None:
    site.hosts(sshd.host())
    site.workload("waits", WAITS)
    argv = site.argv(site.identifier, "--host", "far", "--suite", "waits", "--runs", "1")
    with process.streaming(argv, cwd=site.ws.root) as (running, lines):
        assert "waits" in next(line for line in lines if line.startswith("["))
        site.wait_until_running(running.pid)
        sshd.client.api.kill(sshd.container)
        talk = list(lines)
        assert running.wait(120) != 0, talk
    (suite,) = site.record().suites
    assert suite.status is SuiteStatus.FAILED
    assert "engine of host far" in suite.detail or "container ended" in suite.detail
    site.wait_until_gone()


def test_a_host_whose_engine_does_not_answer_is_refused(site: Site, sshd: Sshd) -> None:
    site.hosts(sshd.host().replace(f":{sshd.port}\n", f":{sshd.port}/run/no.sock\n"))
    why = site.fails(site.identifier, "--host", "far", "--runs", "1")
    assert "no engine answers on its socket" in why


@pytest.mark.full
def test_an_image_that_the_host_lacks_is_sent_there_and_stays_what_it_is(
    site: Site,
    training: str,
    engine: Engine,
    inference: BuildRecord,
    tmp_path: Path,
) -> None:
    far = Workspace(root=site.ws.root, home=tmp_path / "home")
    behind = engines.up(far)
    try:
        with _sshd(training, engine, behind, tmp_path / "keys") as sshd:
            site.hosts(sshd.host())
            for _ in range(2):  # the second time it is there
                site.bench(site.identifier, "--host", "far", "--runs", "1")
            assert site.record().digest == inference.digest
        with docker.connect(behind) as client:
            assert images.digest_of(client, inference.digest) == inference.digest
            assert client.api.containers(all=True) == []
    finally:
        engines.down(far, purge=True)
