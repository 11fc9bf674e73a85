"""A release is promoted by digest, proven and whole; a cut anywhere leaves nothing half-done."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from dockwright.clients import evidence, promotion_journal
from dockwright.clients.registry import Repository
from dockwright.errors import (
    BusyError,
    DockwrightError,
    NothingSelectedError,
    PolicyError,
    RecordError,
    RegistryError,
    SmokeError,
)
from dockwright.spec import journal, registries
from dockwright.spec.evidence import Kind
from dockwright.spec.image import OCI_MANIFEST_TYPE, sha256
from dockwright.spec.journal import Entry, Journal, State
from dockwright.spec.publication import Waiver, Yank
from dockwright.spec.records import Status
from dockwright.spec.registries import Requirement
from dockwright.stages import rollback
from dockwright.stages.promote import proof, releases
from dockwright.stages.promote.proof import Waivers
from dockwright.stages.promote.releases import Route
from fake_registry import HOST, FakeRegistry, opened
from publishing import GPU_CHECK, RELEASE, Publisher

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import httpx

    from dockwright.clients.registry_session import Session
    from dockwright.spec.records import PromoteRecord
    from sample import Sample

    Tags = Mapping[str, str]

NOW = datetime(2026, 11, 23, 10, 0, 0, tzinfo=UTC)
NOBODY = Waivers(reasons={}, owner=None)
SIGNED = (Requirement.SMOKE, Requirement.SIGNATURE)


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

    def push(self, seed: int, *statuses: Status) -> Tags:
        self.publisher.build(seed, statuses=statuses or (Status.PASSED,))
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
        policy = target.registry.model_copy(update={"requires": requires, "key": "release.pub"})
        every = self.publisher.every
        variants = [v for v in every if v.release.key == RELEASE]
        killing = Killing(self.registry, last)
        with opened(killing) as repository:
            session = repository.session
            route = self.route(session, by=by, owner=waivers.owner)
            proven = proof.prove(
                variants,
                lambda v: Repository(session=session, name=f"staging/{v.repository}"),
                route.repository,
                policy,
                waivers,
                trusted,
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

    def states(self) -> list[State]:
        with opened(self.registry, name=f"production/{journal.REPOSITORY}") as book:
            return [entry.state for entry in promotion_journal.read(book, RELEASE).entries]

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


@pytest.fixture
def desk(good: Sample, tmp_path: Path) -> Desk:
    good.edit(
        "tensorflow.yml",
        "exclude:\n",
        "exclude:\n  - match: '*-training-cu999'\n    reason: Two images are a release, too.\n",
    )
    return Desk(Publisher(sample=good, folder=tmp_path / "layouts", now=NOW))


def test_all_of_a_release_gets_the_names_it_has_in_staging(desk: Desk) -> None:
    staged = desk.push(1)
    promoted = desk.promote()
    assert desk.tags("production") == staged
    assert len(promoted) == 2
    assert {record.digest for record in promoted} == set(staged.values())
    assert {(r.sent_bytes, bool(r.mounted_bytes)) for r in promoted} == {(0, True)}
    assert desk.states() == [State.DONE]
    for kind in (Kind.BUILD, Kind.SMOKE, Kind.RELEASE):
        assert desk.attached(kind) == desk.attached(kind, "staging") != []
    before = dict(desk.registry.manifests)
    desk.promote()
    assert desk.registry.manifests == before, "once more changes nothing"


def test_a_release_is_selected_whole(desk: Desk) -> None:
    every = desk.publisher.every
    of_release = [v for v in every if v.release.key == RELEASE]
    releases.require_whole(of_release, every)
    with pytest.raises(NothingSelectedError, match=f"write '{RELEASE}-\\*'"):
        releases.require_whole(of_release[1:], every)


def test_one_image_that_is_not_proven_keeps_all_back(desk: Desk) -> None:
    desk.push(1)
    (victim, *_) = desk.publisher.variants
    del desk.registry.manifests[f"staging/{victim.repository}", victim.tag]
    with pytest.raises(RegistryError, match=rf"{victim.tag} is not there; `dockwright push` it"):
        desk.promote()
    assert desk.tags("production") == {}
    assert not any(name.startswith("production") for name in desk.registry.blobs)


@pytest.mark.parametrize(
    ("statuses", "error", "said"),
    [
        ((Status.DEFERRED,), SmokeError, "no check has passed"),
        ((Status.PASSED, Status.DEFERRED), PolicyError, f"{GPU_CHECK} deferred: make them where"),
    ],
)
def test_what_was_not_checked_is_not_promoted(
    desk: Desk, statuses: Sequence[Status], error: type[DockwrightError], said: str
) -> None:
    desk.push(1, *statuses)
    with pytest.raises(error, match=said):
        desk.promote()
    assert desk.tags("production") == {}


def test_a_record_of_failure_or_of_another_image_does_not_count(desk: Desk) -> None:
    desk.push(1)
    variant = desk.publisher.variants[0]
    digest = desk.publisher.digests[variant.identifier]
    publisher, later = desk.publisher, NOW.replace(year=2027).isoformat()
    for statuses, of, error, said in (
        ((Status.PASSED, Status.FAILED), digest, SmokeError, "common/bad failed on sha256:"),
        ((Status.PASSED,), "sha256:" + "e" * 64, RecordError, "is of .* sha256:eee"),
    ):
        publisher.record_smoke(variant, of, statuses)
        path = publisher.sample.ws.out_path / variant.identifier / "smoke.json"
        with opened(desk.registry, name=f"staging/{variant.repository}") as repository:
            evidence.attach(repository, digest, Kind.SMOKE, path.read_bytes(), created_at=later)
        with pytest.raises(error, match=said):
            desk.promote()
        later = NOW.replace(year=2028).isoformat()


def test_a_deferred_check_is_waived_by_somebody_for_a_reason_that_stays(desk: Desk) -> None:
    staged = desk.push(1, Status.PASSED, Status.DEFERRED)
    waivers = Waivers(reasons={"cuda/*": "no GPU in CI"}, owner="Ada")
    with pytest.raises(PolicyError, match="--waive other: no check of that name is deferred"):
        desk.promote(waivers=Waivers(reasons={"cuda/*": "x", "other": "y"}, owner="Ada"))
    promoted = desk.promote(waivers=waivers)
    assert {tuple(record.waived.items()) for record in promoted} == {((GPU_CHECK, "no GPU in CI"),)}
    assert desk.tags("production") == staged
    notes = [Waiver.model_validate_json(content) for content in desk.attached(Kind.WAIVER)]
    assert {(note.owner, note.registry) for note in notes} == {("Ada", f"{HOST}/production")}
    assert len(desk.sign) == len(notes) == 2
    desk.promote(waivers=waivers)
    assert len(desk.attached(Kind.WAIVER)) == 2


def test_only_what_the_key_has_signed_counts_where_that_is_required(desk: Desk) -> None:
    desk.push(1)
    images = set(desk.publisher.digests.values())
    with pytest.raises(PolicyError, match=r"is not signed by release\.pub"):
        desk.promote(requires=SIGNED, trusted=lambda _, __: False)
    with pytest.raises(RecordError, match="was not pushed as that image"):
        desk.promote(requires=SIGNED, trusted=lambda _, digest: digest in images)
    smoke = {sha256(content) for content in desk.attached(Kind.SMOKE, "staging")}

    def all_but_smoke(repository: Repository, digest: str) -> bool:
        manifest = repository.get_manifest(digest)
        return manifest is None or manifest.document["layers"][-1]["digest"] not in smoke

    with pytest.raises(RecordError, match="has no smoke record that counts"):
        desk.promote(requires=SIGNED, trusted=all_but_smoke)
    desk.promote(requires=SIGNED)
    with pytest.raises(RecordError, match="has no bench record that counts"):
        desk.promote(requires=(Requirement.SMOKE, Requirement.BENCH))


@pytest.mark.parametrize("place", ["staging", "production"])
def test_a_yanked_image_is_refused_wherever_it_was_yanked(desk: Desk, place: str) -> None:
    desk.push(1)
    desk.promote()
    variant = desk.publisher.variants[0]
    digest = desk.publisher.digests[variant.identifier]
    with opened(desk.registry, name=f"{place}/{variant.repository}") as repository:
        note = Yank(digest=digest, reason="it forgets", yanked_at="today")
        evidence.attach(repository, digest, Kind.YANK, note.content, created_at=NOW.isoformat())
    with pytest.raises(PolicyError, match=f"{place}/.*was yanked on today: it forgets"):
        desk.promote()


def test_the_names_from_before_come_back(desk: Desk) -> None:
    desk.push(1)
    desk.promote()
    first = desk.tags("production", fixed=False)
    for seed in (2, 3):
        desk.push(seed)
        desk.promote()
    desk.rollback()
    desk.rollback()
    assert desk.tags("production", fixed=False) == first
    assert desk.states() == [State.DONE, State.UNDONE, State.UNDONE]
    assert len(desk.tags("production")) > len(first), "immutable tags stay"


def test_names_that_were_new_and_cannot_be_removed_are_told(desk: Desk) -> None:
    desk.push(1)
    desk.promote()
    with pytest.raises(RegistryError, match="new with the promotion, and this registry removes no"):
        desk.rollback()
    with pytest.raises(PolicyError, match="tells of no promotion that could be taken back"):
        desk.rollback()


def test_no_name_goes_back_to_an_image_that_was_yanked_meanwhile(desk: Desk) -> None:
    desk.push(1)
    variant = desk.publisher.variants[0]
    digest = desk.publisher.digests[variant.identifier]
    desk.promote()
    desk.push(2)
    desk.promote()
    with opened(desk.registry, name=f"production/{variant.repository}") as repository:
        note = Yank(digest=digest, reason="it forgets", yanked_at="today")
        evidence.attach(repository, digest, Kind.YANK, note.content, created_at=NOW.isoformat())
    before = desk.tags("production")
    with pytest.raises(PolicyError, match=r"would name sha256:.* again, which was yanked on today"):
        desk.rollback()
    assert desk.tags("production") == before


def writes_of(act: Callable[[int | None], object]) -> int:
    """Do something again and again, killed a write later each time; return how often it was."""
    last = 0
    while True:
        try:
            act(last)
        except KilledError:
            last += 1
        else:
            return last


def test_a_promotion_killed_before_any_write_leaves_whole_images_and_is_ended_by_a_rerun(
    desk: Desk,
) -> None:
    """Each run is killed one request later than the one before: so all ways on are gone, too."""
    desk.push(1)
    desk.promote()
    first = desk.tags("production", fixed=False)
    desk.push(2)
    second = desk.tags("staging", fixed=False)

    def promote(last: int | None) -> None:
        try:
            desk.promote(last=last)
        finally:
            desk.require_complete()
            now = desk.tags("production", fixed=False)
            assert all(now[tag] in {first[tag], second[tag]} for tag in first)
            if now != second:
                assert desk.states()[-1] is (State.BEGUN if now != first else desk.states()[-1])

    assert writes_of(promote) > 5
    assert desk.tags("production", fixed=False) == second
    assert desk.states() == [State.DONE, State.DONE]


def test_a_promotion_killed_anywhere_can_be_taken_back_instead(desk: Desk) -> None:
    desk.push(1)
    desk.promote()
    first = desk.tags("production", fixed=False)
    desk.push(2)
    restore = desk.saved()
    desk.promote()
    moved = set()
    for last in reversed(range(desk.writes)):
        restore()
        with pytest.raises(KilledError):
            desk.promote(last=last)
        if desk.states() == [State.DONE]:
            break  # it had not begun to move tags
        moved.add(len(desk.tags("production", fixed=False).items() - first.items()))
        desk.rollback()
        assert desk.tags("production", fixed=False) == first
    assert moved == set(range(len(first) + 1)), "it was killed between any two tags"


def test_a_rollback_killed_before_any_write_is_ended_by_a_rerun(desk: Desk) -> None:
    desk.push(1)
    desk.promote()
    first = desk.tags("production", fixed=False)
    desk.push(2)
    desk.promote()
    assert writes_of(desk.rollback) > 4
    assert desk.tags("production", fixed=False) == first


def test_a_push_killed_before_any_write_leaves_whole_images_and_is_ended_by_a_rerun(
    desk: Desk,
) -> None:
    first = desk.push(1)
    desk.publisher.build(2)

    def push(last: int | None) -> None:
        try:
            with opened(Killing(desk.registry, last)) as repository:
                desk.publisher.push(repository.session)
        finally:
            desk.require_complete()
            now = desk.tags("staging")
            ours = set(desk.publisher.digests.values())
            assert all(now[tag] == first[tag] or now[tag] in ours for tag in first)

    assert writes_of(push) > 5
    after = desk.tags("staging", fixed=False)
    assert set(after.values()) == set(desk.publisher.digests.values())
    fixed = desk.tags("staging").keys() - after.keys()
    assert len(fixed) == 4, "no image has got two immutable tags"


def test_a_second_manager_is_told_and_moves_nothing(desk: Desk) -> None:
    desk.push(1)
    desk.promote()
    desk.push(2)
    restore = desk.saved()
    desk.promote()
    restore()
    with pytest.raises(KilledError):
        desk.promote(last=desk.writes - 3)
    half = desk.tags("production")
    desk.push(3)
    with pytest.raises(BusyError, match=r"begun at 2026-11-23.* by me was not ended, .*rollback"):
        desk.promote(by="you")
    assert desk.tags("production") == half


def test_of_two_managers_at_once_the_one_whose_entry_is_gone_stops(desk: Desk) -> None:
    """The other one's entry is written between ours and our first tag."""
    desk.push(1)
    desk.promote()
    desk.push(2)
    before = desk.tags("production")
    name = f"production/{journal.REPOSITORY}"
    entry = Entry(
        id="1", state=State.BEGUN, begun_at="today", by="you", source="elsewhere", changes=()
    )
    theirs = Journal(release=RELEASE, entries=(entry,)).content

    def interfere(_: httpx.Request) -> None:
        desk.registry.blobs[name][sha256(theirs)] = theirs
        desk.registry.manifests[name, RELEASE] = (OCI_MANIFEST_TYPE, journal.manifest(theirs))

    desk.registry.faults.append((r"PUT .*production/.*/manifests/8\.2\.0-.*-v1", interfere))
    with pytest.raises(BusyError, match="promotion 1 from elsewhere, begun at today by you"):
        desk.promote()
    after = desk.tags("production")
    assert {tag: after[tag] for tag in before} == before
