"""A release is promoted by digest and whole, taken back, and one manager at a time is at it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import release_desk
from dockwright.clients import evidence
from dockwright.errors import BusyError, NothingSelectedError, PolicyError, RegistryError
from dockwright.spec import journal
from dockwright.spec.evidence import Kind
from dockwright.spec.image import OCI_MANIFEST_TYPE, sha256
from dockwright.spec.journal import Entry, Journal, State
from dockwright.spec.publication import Yank
from dockwright.spec.records import Status
from dockwright.stages.promote import releases
from dockwright.stages.promote.proof import Waivers
from fake_registry import opened
from publishing import GPU_CHECK, RELEASE
from release_desk import NOW, KilledError

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

    from release_desk import Desk
    from sample import Sample


@pytest.fixture
def desk(good: Sample, tmp_path: Path) -> Desk:
    return release_desk.made(good, tmp_path)


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


@pytest.mark.parametrize("has_referrers_api", [False, True])
def test_where_no_blob_is_mounted_it_is_streamed_and_evidence_is_found_by_either_way(
    desk: Desk, *, has_referrers_api: bool
) -> None:
    """As with ECR, where mounts have to be switched on and not every region lists referrers."""
    desk.registry.allows_mounts = False
    desk.registry.has_referrers_api = has_referrers_api
    staged = desk.push(1, Status.PASSED, Status.DEFERRED)
    waivers = Waivers(reasons={GPU_CHECK: "no GPU"}, owner="Ada")
    promoted = desk.promote(waivers=waivers)
    assert desk.tags("production") == staged
    desk.require_complete()
    assert {(r.mounted_bytes, r.sent_bytes > 20_000) for r in promoted} == {(0, True)}
    for kind in (Kind.BUILD, Kind.SMOKE, Kind.RELEASE):
        assert desk.attached(kind) == desk.attached(kind, "staging") != []
    assert len(desk.attached(Kind.WAIVER)) == 2
    lists = [t for _, t in desk.registry.manifests if t.startswith("sha256-")]
    assert bool(lists) is not has_referrers_api


def test_a_release_is_selected_whole(desk: Desk) -> None:
    every = desk.publisher.every
    of_release = [v for v in every if v.release.key == RELEASE]
    releases.require_whole(of_release, every)
    with pytest.raises(NothingSelectedError, match=f"write '{RELEASE}-\\*'"):
        releases.require_whole(of_release[1:], every)


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
