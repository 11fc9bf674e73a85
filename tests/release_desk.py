"""A release manager's desk in memory: what is pushed, promoted and taken back, cut where a test says."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING

from dockwright.clients import evidence, promotion_journal
from dockwright.clients.registry import Repository
from dockwright.spec import journal, registries
from dockwright.spec.bench_records import SuiteStatus
from dockwright.spec.evidence import Kind
from dockwright.spec.publication import Yank
from dockwright.spec.records import Status
from dockwright.spec.registries import Requirement
from dockwright.stages import rollback
from dockwright.stages.promote import proof, releases
from dockwright.stages.promote.proof import Policy, Waivers
from dockwright.stages.promote.releases import Route
from fake_registry import HOST, FakeRegistry, opened
from publishing import RELEASE, Publisher

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import httpx

    from dockwright.clients.registry_session import Session
    from dockwright.spec.bench_records import BenchVerdict
    from dockwright.spec.journal import Entry, State
    from dockwright.spec.records import PromoteRecord
    from dockwright.spec.variants import Variant
    from sample import Sample

    Tags = Mapping[str, str]

NOW = datetime(2026, 11, 23, 10, 0, 0, tzinfo=UTC)
NOTHING: Mapping[str, str] = MappingProxyType({})
NOBODY = Waivers(reasons={}, owner=None)


class KilledError(BaseException):
    """The process is gone."""


class Killing:
    """Answers as the registry does, until the process is killed before the next request to write.

    Between two of these nothing changes: killed there, or after the first, is all the same.
    """

    def __init__(self, registry: FakeRegistry, last: int | None) -> None:
        self.registry, self.last, self.seen = registry, last, 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.seen += request.method not in {"GET", "HEAD"}
        if self.last is not None and self.seen > self.last:
            raise KilledError
        return self.registry(request)


class Desk:
    """A release manager with the sample's checkout and one registry of two places."""

    def __init__(self, publisher: Publisher) -> None:
        self.publisher = publisher
        self.registry = FakeRegistry()
        self.writes = 0
        """Requests to write of the last promotion that came to its end."""
        self.sign: list[str] = []
        """Digests that were signed by us."""

    def push(
        self,
        seed: int,
        *statuses: Status,
        bench: BenchVerdict | None = None,
        against: Mapping[str, str] = NOTHING,
        status: SuiteStatus = SuiteStatus.MEASURED,
    ) -> Tags:
        """Build, check, maybe measure, and push both images."""
        self.publisher.build(seed, statuses=statuses or (Status.PASSED,))
        if bench is not None:
            self.publisher.record_bench(bench, against=against, status=status)
        with opened(self.registry) as repository:
            self.publisher.push(repository.session)
        return self.tags("staging")

    def saved(self) -> Callable[[], None]:
        """Return what brings the registry back to what it is now."""
        manifests = self.registry.manifests.copy()
        blobs = {name: held.copy() for name, held in self.registry.blobs.items()}

        def restore() -> None:
            self.registry.manifests = manifests.copy()
            self.registry.blobs = {name: held.copy() for name, held in blobs.items()}

        return restore

    def tags(self, place: str, *, fixed: bool = True) -> dict[str, str]:
        with opened(self.registry) as repository:
            found = self.publisher.tags(repository.session, place)
        return {tag: digest for tag, digest in found.items() if fixed or "-v1.0-" not in tag}

    def promote(
        self,
        *,
        waivers: Waivers = NOBODY,
        requires: tuple[Requirement, ...] = (Requirement.SMOKE,),
        trusted: Callable[[Repository, str], bool] = lambda _, __: True,
        by: str = "me",
        last: int | None = None,
    ) -> tuple[PromoteRecord, ...]:
        """Promote the release; killed after so many requests to write, where a number is given."""
        target = registries.find(self.publisher.sample.ws.buildspec_path, f"{HOST}/production")
        registry = target.registry.model_copy(update={"requires": requires, "key": "release.pub"})
        every = self.publisher.every
        variants = [v for v in every if v.release.key == RELEASE]
        killing = Killing(self.registry, last)
        with opened(killing) as repository:
            session = repository.session
            route = self.route(session, by=by, owner=waivers.owner)
            proven = proof.prove(
                variants,
                every,
                lambda v: Repository(session=session, name=f"staging/{v.repository}"),
                route.repository,
                Policy(registry=registry, waivers=waivers, trusted=trusted),
            )
            promoted = releases.promote(self.publisher.sample.ws, proven, every, route)
        self.writes = killing.seen
        return promoted

    def route(self, session: Session, *, by: str, owner: str | None) -> Route:
        return Route(
            source=f"{HOST}/staging",
            target=f"{HOST}/production",
            repository=lambda v: Repository(session=session, name=f"production/{v.repository}"),
            journal=Repository(session=session, name=f"production/{journal.REPOSITORY}"),
            by=by,
            owner=owner,
            sign=lambda _, digests: self.sign.extend(digests),
            clock=lambda: NOW,
        )

    def rollback(self, last: int | None = None) -> None:
        with opened(Killing(self.registry, last)) as its:
            book = Repository(session=its.session, name=f"production/{journal.REPOSITORY}")

            def named(name: str) -> Repository:
                return Repository(session=its.session, name=f"production/{name}")

            rollback.rollback(rollback.prepare([RELEASE], book, named), book, named)

    def entries(self) -> tuple[Entry, ...]:
        with opened(self.registry, name=f"production/{journal.REPOSITORY}") as book:
            return promotion_journal.read(book, RELEASE).entries

    def states(self) -> list[State]:
        return [entry.state for entry in self.entries()]

    def yank(self, variant: Variant, place: str, reason: str) -> None:
        """Yank the variant's image that was built last."""
        digest = self.publisher.digests[variant.identifier]
        with opened(self.registry, name=f"{place}/{variant.repository}") as its:
            note = Yank(digest=digest, reason=reason, yanked_at="today")
            evidence.attach(its, digest, Kind.YANK, note.content, created_at=NOW.isoformat())

    def attached(self, kind: Kind, place: str = "production") -> list[bytes]:
        """Return what is attached of a kind to any image of the release."""
        found = []
        with opened(self.registry) as its:
            for variant in self.publisher.variants:
                name = f"{place}/{variant.repository}"
                repository = Repository(session=its.session, name=name)
                digest = self.publisher.digests[variant.identifier]
                found += [p.content for p in evidence.found(repository, digest, kind)]
        return found

    def require_complete(self) -> None:
        """Fail unless whatever has a tag is there to the last blob."""
        for (name, target), (_, content) in self.registry.manifests.items():
            if ":" not in target and not target.startswith("sha256-"):
                document = json.loads(content)
                for blob in (document["config"], *document["layers"]):
                    assert blob["digest"] in self.registry.blobs[name], f"{name}:{target}"


def made(good: Sample, folder: Path) -> Desk:
    """Return the desk of someone whose release has two images."""
    leave_two(good)
    return Desk(Publisher(sample=good, folder=folder / "layouts", now=NOW))


def leave_two(good: Sample) -> None:
    """Take one of the release's three images out of the sample's manifest."""
    good.edit(
        "tensorflow.yml",
        "exclude:\n",
        "exclude:\n  - match: '*-training-cu999'\n    reason: Two images are a release, too.\n",
    )
