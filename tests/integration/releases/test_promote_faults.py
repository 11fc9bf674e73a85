"""A registry that fails in the middle of a promotion: nothing half-published, a rerun completes it."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import httpx
import pytest

import fault_proxy
import release_desk
import sample
from dockwright.cli.promote import promote
from dockwright.clients import registry_server, transient
from dockwright.clients.registry import Repository, session
from dockwright.errors import RegistryError
from fault_proxy import cut_after, cut_halfway, expired, hang, status
from publishing import RELEASE, Publisher

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dockwright.clients.registry_session import Session
    from dockwright.workspace import Workspace
    from fault_proxy import Act, Proxy

BLOB_BYTES = 6_000_000
"""More than what goes with the request that completes an upload."""
READ, SEND, END, NAME = (
    "GET .*/blobs/sha256",
    "PATCH .*/blobs/uploads/",
    "PUT .*/blobs/uploads/",
    r"PUT .*/manifests/8\.2",
)
LATER = status(429, Retry_After="1")
FULL = pytest.mark.full


class Site:
    """A staging and a production registry behind proxies, and a release of two ages in staging."""

    def __init__(self, publisher: Publisher, source: Proxy, target: Proxy, its: Session) -> None:
        self.publisher, self.source, self.target, self.its = publisher, source, target, its
        self.older: dict[str, str] = {}
        self.newer: dict[str, str] = {}

    def proxy(self, side: str) -> Proxy:
        return self.source if side == "source" else self.target

    def promote(self, which: str, place: str) -> None:
        promote(
            [f"{RELEASE}-*"],
            from_=f"{self.source.host}/{which}",
            to=f"{self.target.host}/{place}",
        )

    def names(self, place: str) -> dict[str, str]:
        """Return what users find under which name, each image whole to the last blob."""
        found = self.publisher.tags(self.its, place)
        for name, digest in found.items():
            repository = Repository(session=self.its, name=f"{place}/{name.partition(':')[0]}")
            manifest = repository.get_manifest(digest)
            assert manifest is not None
            blobs = (manifest.document["config"], *manifest.document["layers"])
            assert all(repository.has_blob(blob["digest"]) for blob in blobs), name
        return found


@pytest.fixture(scope="module")
def running(checkout: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("faults")
    with ExitStack() as stack:
        proxies, sessions = [], []
        for name in ("source", "target"):
            place = registry_server.site(checkout, folder / name)
            address = stack.enter_context(registry_server.temporary(place))
            proxies.append(stack.enter_context(fault_proxy.before(address)))
            sessions.append(stack.enter_context(session(address)))
        two = sample.copy(folder)
        release_desk.leave_two(two)
        publisher = Publisher(sample=two, folder=folder / "layouts", extra_bytes=BLOB_BYTES)
        made = Site(publisher, proxies[0], proxies[1], sessions[1])
        for seed, which in enumerate(("older", "newer")):
            publisher.build(seed)
            publisher.push(sessions[0], which)
        made.older, made.newer = (publisher.tags(sessions[0], w) for w in ("older", "newer"))
        yield made


@pytest.fixture
def site(running: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """The site with sound registries, for someone who has little patience."""
    monkeypatch.chdir(running.publisher.sample.ws.root)
    monkeypatch.setenv("DOCKWRIGHT_HOME", str(running.publisher.sample.ws.home))
    patient = httpx.Timeout
    monkeypatch.setattr(httpx, "Timeout", lambda _, connect: patient(1.0, connect=connect))
    monkeypatch.setattr(transient, "ATTEMPTS", 3)
    yield running
    running.source.mend()
    running.target.mend()


@pytest.mark.parametrize(
    ("side", "pattern", "act"),
    [
        pytest.param("source", READ, status(500), id="read-500", marks=FULL),
        pytest.param("source", READ, LATER, id="read-429", marks=FULL),
        pytest.param("source", READ, cut_halfway, id="read-cut", marks=FULL),
        pytest.param("source", READ, hang, id="read-hangs"),
        pytest.param("source", READ, expired, id="read-expired"),
        pytest.param("source", "GET .*/manifests/", status(503), id="manifest-503", marks=FULL),
        pytest.param("target", SEND, status(500), id="send-500", marks=FULL),
        pytest.param("target", SEND, LATER, id="send-429"),
        pytest.param("target", SEND, status(416), id="send-416"),
        pytest.param("target", SEND, cut_halfway, id="send-cut", marks=FULL),
        pytest.param("target", SEND, cut_after, id="send-answer-lost", marks=FULL),
        pytest.param("target", SEND, hang, id="send-hangs"),
        pytest.param("target", SEND, expired, id="send-expired", marks=FULL),
        pytest.param("target", END, status(416), id="end-416", marks=FULL),
        pytest.param("target", END, cut_after, id="end-answer-lost", marks=FULL),
        pytest.param("target", NAME, status(500), id="name-500", marks=FULL),
        pytest.param("target", NAME, LATER, id="name-429", marks=FULL),
        pytest.param("target", NAME, expired, id="name-expired", marks=FULL),
        pytest.param("target", NAME, cut_after, id="name-answer-lost"),
    ],
)
def test_what_passes_is_outlived(
    site: Site, request: pytest.FixtureRequest, side: str, pattern: str, act: Act
) -> None:
    place = request.node.callspec.id
    site.proxy(side).wants_tokens = act is expired
    fault = site.proxy(side).fail(pattern, act)
    site.promote("newer", place)
    assert fault.hit == 1
    assert site.names(place) == site.newer


@pytest.mark.parametrize(
    ("side", "pattern", "act", "said"),
    [
        pytest.param("source", READ, status(500), "answered 500", id="read-500", marks=FULL),
        pytest.param("source", READ, status(404), "answered 404", id="read-404", marks=FULL),
        pytest.param("source", READ, status(416), "answered 416", id="read-416", marks=FULL),
        pytest.param("source", READ, status(401), "docker login", id="read-401", marks=FULL),
        pytest.param("target", SEND, status(500), "answered 500", id="send-500"),
        pytest.param("target", SEND, status(401), "docker login", id="send-401", marks=FULL),
        pytest.param("target", SEND, status(416), "answered 416", id="send-416", marks=FULL),
        pytest.param("target", NAME, status(403), "lacks the right", id="name-403", marks=FULL),
        pytest.param("target", NAME, status(500), "answered 500", id="name-500"),
    ],
)
def test_what_lasts_leaves_names_to_whole_images_and_a_rerun_completes_it(
    site: Site, request: pytest.FixtureRequest, side: str, pattern: str, act: Act, said: str
) -> None:
    place = f"lasting-{request.node.callspec.id}"
    site.promote("older", place)
    fault = site.proxy(side).fail(pattern, act, times=1000)
    fault.hit = -2 if pattern is NAME else 0
    with pytest.raises(RegistryError, match=said):
        site.promote("newer", place)
    now = site.names(place)
    assert {tag: digest for tag, digest in now.items() if "-v1.0-" not in tag} == moving(site.older)
    site.proxy(side).mend()
    site.promote("newer", place)
    assert site.names(place) == site.older | site.newer


def moving(tags: dict[str, str]) -> dict[str, str]:
    return {tag: digest for tag, digest in tags.items() if "-v1.0-" not in tag}
