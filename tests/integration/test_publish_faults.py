"""A process killed at any step, a full disk: nothing half-published, and a rerun completes it."""

from __future__ import annotations

import os
import signal
import subprocess  # noqa: TID251 - a program that is killed on purpose
import sys
from typing import TYPE_CHECKING

import pytest

import images
import sample
from dockwright import process
from dockwright.clients import registry_server
from dockwright.clients.registry import Repository, session
from dockwright.clients.registry_push import push
from dockwright.errors import RegistryError
from publishing import RELEASE, Publisher

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dockwright.clients.registry_session import Session
    from dockwright.workspace import Workspace

# Dockwright or a push by the test's own publisher, killed before the N-th request to write.
DRIVER = """\
import os, signal, sys
from pathlib import Path
import httpx
import sample
from dockwright import __main__, workspace
from dockwright.clients.registry import session
from publishing import Publisher
last, what, *rest = sys.argv[1:]
seen, send = 0, httpx.Client.send
def counted(self, request, **options):
    global seen
    seen += request.method not in ("GET", "HEAD")
    if seen > int(last):
        os.kill(os.getpid(), signal.SIGKILL)
    return send(self, request, **options)
httpx.Client.send = counted
if what == "push":
    host, place, folder = rest
    its = sample.Sample(ws=workspace.find(Path.cwd()))
    with session(host) as open_session:
        Publisher(sample=its, folder=Path(folder)).push(open_session, place)
else:
    sys.argv = ["dockwright", what, *rest]
    __main__.main()
"""
SMALL_BYTES = 12_000_000


@pytest.fixture(scope="module")
def registry(checkout: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    site = registry_server.site(checkout, tmp_path_factory.mktemp("registry"))
    with registry_server.temporary(site) as where, session(where) as its:
        yield its


@pytest.fixture(scope="module")
def publisher(registry: Session, tmp_path_factory: pytest.TempPathFactory) -> Publisher:
    """Someone whose images are built and in staging."""
    folder = tmp_path_factory.mktemp("publisher")
    made = Publisher(sample=sample.copy(folder), folder=folder / "layouts")
    made.know(registry.host)
    made.build(1)
    made.push(registry)
    return made


def killed(publisher: Publisher, last: int, *what: str) -> bool:
    """Run something; tell whether it was killed, which it is before its write after `last`."""
    env = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    argv = (sys.executable, "-c", DRIVER, str(last), *what)
    ended = subprocess.run(  # noqa: S603
        argv, cwd=publisher.sample.ws.root, env=env, capture_output=True, timeout=300, check=False
    )
    assert ended.returncode in {0, -signal.SIGKILL}, ended.stderr.decode()
    return ended.returncode != 0


def require_whole(publisher: Publisher, registry: Session, place: str) -> None:
    """Fail unless all that has a tag is one of the images, to the last blob."""
    for name, digest in publisher.tags(registry, place).items():
        repository = Repository(session=registry, name=f"{place}/{name.partition(':')[0]}")
        assert digest in publisher.digests.values()
        manifest = repository.get_manifest(digest)
        assert manifest is not None
        blobs = (manifest.document["config"], *manifest.document["layers"])
        assert all(repository.has_blob(blob["digest"]) for blob in blobs)


def act(publisher: Publisher, registry: Session, what: str, place: str) -> tuple[str, ...]:
    if what == "push":
        return (what, registry.host, place, str(publisher.folder))
    return (what, f"{RELEASE}-*", "--from", "staging", "--to", f"{registry.host}/{place}")


@pytest.mark.parametrize(("what", "last"), [("push", 25), ("promote", 40), ("promote", 51)])
def test_after_a_kill_all_that_has_a_name_is_whole_and_a_rerun_completes_it(
    publisher: Publisher, registry: Session, what: str, last: int
) -> None:
    place = f"{what}-{last}"
    argv = act(publisher, registry, what, place)
    assert killed(publisher, last, *argv)
    require_whole(publisher, registry, place)
    assert not killed(publisher, 1000, *argv)
    require_ended(publisher, registry, place)


@pytest.mark.full
@pytest.mark.parametrize("what", ["push", "promote"])
def test_so_it_is_at_every_single_step(publisher: Publisher, registry: Session, what: str) -> None:
    last = 0
    while True:
        place = f"every-{what}-{last}"
        argv = act(publisher, registry, what, place)
        if not killed(publisher, last, *argv):
            break
        require_whole(publisher, registry, place)
        assert not killed(publisher, 1000, *argv)
        require_ended(publisher, registry, place)
        last += 1
    assert last > 30


def require_ended(publisher: Publisher, registry: Session, place: str) -> None:
    staged, there = publisher.tags(registry, "staging"), publisher.tags(registry, place)
    moving = {tag: digest for tag, digest in staged.items() if "-v1.0-" not in tag}
    assert {tag: there[tag] for tag in moving} == moving
    assert len(there) == len(staged), "each image has one immutable tag"


def test_a_registry_whose_disk_is_full_publishes_nothing_and_goes_on_when_there_is_room(
    checkout: Workspace, tmp_path: Path
) -> None:
    folder = tmp_path / "tiny"
    folder.mkdir()
    size = f"size={SMALL_BYTES}"
    process.run(("mount", "-t", "tmpfs", "-o", size, "tmpfs", folder), timeout_s=60)
    try:
        site = registry_server.site(checkout, folder)
        with registry_server.temporary(site) as where, session(where) as its:
            repository = Repository(session=its, name="full/image")
            image = images.tiny(tmp_path / "blobs", extra_bytes=2 * SMALL_BYTES)
            with pytest.raises(RegistryError, match="the registry's log says more"):
                push(repository, image, tags=["1"])
            assert repository.manifest_digest("1") is None
            room = f"remount,size={5 * SMALL_BYTES}"
            process.run(("mount", "-o", room, folder), timeout_s=60)
            push(repository, image, tags=["1"])
            assert repository.manifest_digest("1") == image.digest
    finally:
        process.run(("umount", "--lazy", folder), timeout_s=60)
