"""What is pushed to a real registry is pulled and run by a real engine, after cuts and kills too."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Self

import pytest

import images
from dockwright import process
from dockwright.clients import daemons, registry_server, registry_upload
from dockwright.clients.registry import Repository, session
from dockwright.clients.registry_push import push
from dockwright.clients.registry_upload import Payload
from dockwright.clients.upload_journal import Journal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dockwright.clients.engine import Engine
    from dockwright.clients.registry_session import Session
    from dockwright.spec.image import AssembledImage
    from dockwright.workspace import Workspace

LARGE_BYTES = 120_000_000
CUT_BYTES = 30_000_000
PUSH = """\
import sys
from pathlib import Path
import images
from dockwright.clients.registry import Repository, session
from dockwright.clients.registry_push import push
address, name, folder, uploads = sys.argv[1:5]
image = images.tiny(Path(folder), extra_bytes=int(sys.argv[5]))
with session(address) as its:
    push(Repository(session=its, name=name), image, tags=["1"], uploads_path=Path(uploads))
"""


@pytest.fixture(scope="module")
def site(checkout: Workspace, tmp_path_factory: pytest.TempPathFactory) -> registry_server.Site:
    return registry_server.site(checkout, tmp_path_factory.mktemp("registry"))


@pytest.fixture(scope="module")
def address(site: registry_server.Site) -> Iterator[str]:
    with registry_server.temporary(site) as where:
        yield where


@pytest.fixture
def registry(address: str) -> Iterator[Session]:
    with session(address) as its:
        yield its


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> AssembledImage:
    return images.tiny(tmp_path_factory.mktemp("large"), extra_bytes=LARGE_BYTES)


def test_a_pushed_image_is_pulled_and_run_and_pushed_only_once(
    registry: Session, engine: Engine, tmp_path: Path
) -> None:
    image = images.tiny(tmp_path, extra_bytes=100_000)
    repository = Repository(session=registry, name="push/tiny")
    other = Repository(session=registry, name="push/other")
    assert len(push(repository, image, tags=["1"]).sent) == 3
    assert push(repository, image, tags=["1"]).sent_bytes == 0
    mounted = push(other, image, tags=["1"], mount_from=["push/tiny"])
    assert (len(mounted.mounted), mounted.sent_bytes) == (3, 0)
    reference = f"{other}:1"
    try:
        process.run((*engine.docker, "pull", "--quiet", reference), timeout_s=300)
        shown = process.run(
            (*engine.docker, "run", "--rm", "--network=none", reference), timeout_s=300
        )
        inspect = (*engine.docker, "image", "inspect", "--format={{.Id}}", reference)
        assert process.run(inspect, timeout_s=60).strip() == image.digest
    finally:
        process.run((*engine.docker, "image", "rm", "--force", reference), timeout_s=300)
    assert shown.encode() == images.TEXT


def test_tags_and_attached_evidence_are_found(registry: Session, tmp_path: Path) -> None:
    image = images.tiny(tmp_path)
    repository = Repository(session=registry, name="push/evidence")
    push(repository, image, tags=["1", "2"])
    record = images.record(image, b"what was seen")
    registry_upload.upload(repository, images.payload(b"what was seen"))
    registry_upload.upload(repository, images.payload(b"{}"))
    digest = repository.attach(record, subject=image.digest)
    (found,) = repository.referrers(image.digest)
    assert (found["digest"], found["artifactType"]) == (digest, images.RECORD_TYPE)
    kept = repository.get_manifest(digest)
    assert kept is not None
    assert kept.content == record
    assert repository.read_blob(kept.document["layers"][0]["digest"]) == b"what was seen"
    assert repository.manifest_digest("1") == repository.manifest_digest("2") == image.digest
    assert {"1", "2"} <= set(repository.tags())


def test_a_cut_connection_costs_one_blob_at_most(address: str, large: AssembledImage) -> None:
    """`distribution` 2.8 forgets an upload whose body was cut (404): the blob begins again."""
    counts: list[int] = []
    with CuttingProxy(address, CUT_BYTES) as proxy, session(proxy.address) as its:
        repository = Repository(session=its, name="push/cut")
        registry_upload.upload(repository, _largest(large), on_bytes=counts.append)
        assert repository.has_blob(large.layers[1].digest)
    assert proxy.cuts == 1
    assert sum(counts) == large.layers[1].size_bytes


def test_a_process_that_died_between_chunks_goes_on_with_the_next(
    registry: Session, large: AssembledImage, tmp_path: Path
) -> None:
    repository, payload = Repository(session=registry, name="push/died"), _largest(large)
    journal, chunk_bytes = Journal(folder=tmp_path), 25_000_000
    locations: list[str] = []

    def die_after_two_chunks(location: str) -> None:
        journal.keep("x", payload.digest, location)
        locations.append(location)
        if len(locations) == 3:
            raise SystemExit

    with pytest.raises(SystemExit):
        registry_upload.upload(
            repository, payload, chunk_bytes=chunk_bytes, on_location=die_after_two_chunks
        )
    counts: list[int] = []
    registry_upload.upload(
        repository,
        payload,
        location=journal.recall("x", payload.digest),
        is_resumed=True,
        on_bytes=counts.append,
    )
    assert counts[0] == 2 * chunk_bytes, "what was there is counted at once"
    assert sum(counts) == payload.size_bytes
    assert repository.has_blob(payload.digest)


@pytest.mark.parametrize("chunk_bytes", [5_000_000, 50_000_000])
def test_chunks_make_the_same_blob(
    registry: Session, large: AssembledImage, chunk_bytes: int
) -> None:
    repository = Repository(session=registry, name=f"push/chunks{chunk_bytes}")
    registry_upload.upload(repository, _largest(large), chunk_bytes=chunk_bytes)
    assert repository.has_blob(large.layers[1].digest)


def test_after_a_kill_nothing_is_published_and_the_next_push_completes_it(
    site: registry_server.Site, registry: Session, large: AssembledImage, tmp_path: Path
) -> None:
    uploads_path, name = tmp_path / "uploads", "push/killed"
    env = {"PYTHONPATH": os.pathsep.join(sys.path)}
    arguments = (registry.host, name, str(tmp_path / "blobs"), str(uploads_path), str(LARGE_BYTES))
    pid = process.spawn_daemon(
        (sys.executable, "-c", PUSH, *arguments), log_path=tmp_path / "log", env=env
    )
    repository = Repository(session=registry, name=name)
    pattern = f"docker/registry/v2/repositories/{name}/_uploads/*/data"
    deadline = time.monotonic() + 60
    while not any(p.stat().st_size > CUT_BYTES for p in site.data_path.glob(pattern)):
        assert daemons.is_alive(pid), (tmp_path / "log").read_text()
        assert time.monotonic() < deadline
        time.sleep(0.002)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    assert repository.manifest_digest("1") is None
    pushed = push(repository, large, tags=["1"], uploads_path=uploads_path)
    assert large.layers[1].digest in pushed.sent
    assert repository.manifest_digest("1") == large.digest
    assert list(uploads_path.iterdir()) == []


def _largest(image: AssembledImage) -> Payload:
    layer = image.layers[1]
    return Payload(
        digest=layer.digest, size_bytes=layer.size_bytes, open=lambda: layer.path.open("rb")
    )


class CuttingProxy:
    """Forwards connections to a registry; resets one of them, once so many bytes went through."""

    def __init__(self, target: str, limit_bytes: int) -> None:
        host, _, port = target.partition(":")
        self.target, self.limit_bytes, self.cuts = (host, int(port)), limit_bytes, 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.create_connection(self.target)
            threading.Thread(target=self._forward, args=(client, server), daemon=True).start()
            threading.Thread(target=self._answer, args=(server, client), daemon=True).start()

    def _forward(self, client: socket.socket, server: socket.socket) -> None:
        passed = 0
        while data := _received(client):
            server.sendall(data)
            passed += len(data)
            if passed > self.limit_bytes and self.cuts == 0:
                self.cuts += 1
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                break
        _closed(client, server)

    def _answer(self, server: socket.socket, client: socket.socket) -> None:
        while data := _received(server):
            try:
                client.sendall(data)
            except OSError:
                break
        _closed(server, client)


def _received(source: socket.socket) -> bytes:
    try:
        return source.recv(1 << 16)
    except OSError:
        return b""


def _closed(*sockets: socket.socket) -> None:
    for each in sockets:
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
        each.close()
