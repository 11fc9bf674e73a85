"""What is not proven of an image, by what counts, is not promoted, and with it all of its release."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import release_desk
from dockwright.clients import evidence
from dockwright.errors import DockwrightError, PolicyError, RecordError, RegistryError, SmokeError
from dockwright.spec.bench_records import BenchVerdict, SuiteStatus
from dockwright.spec.evidence import Kind
from dockwright.spec.image import sha256
from dockwright.spec.publication import Waiver
from dockwright.spec.records import Status
from dockwright.spec.registries import Requirement
from dockwright.stages.promote.proof import Waivers
from fake_registry import HOST, opened
from publishing import GPU_CHECK
from release_desk import NOW

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from dockwright.clients.registry import Repository
    from release_desk import Desk
    from sample import Sample

SIGNED = (Requirement.SMOKE, Requirement.SIGNATURE)
MEASURED = (Requirement.SMOKE, Requirement.BENCH)


@pytest.fixture
def desk(good: Sample, tmp_path: Path) -> Desk:
    return release_desk.made(good, tmp_path)


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
        ((Status.PASSED,), "sha256:" + "e" * 64, RecordError, "a record of sha256:eee"),
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
        desk.promote(requires=MEASURED)


@pytest.mark.parametrize("place", ["staging", "production"])
def test_a_yanked_image_is_refused_wherever_it_was_yanked(desk: Desk, place: str) -> None:
    desk.push(1)
    desk.promote()
    desk.yank(desk.publisher.variants[0], place, "it forgets")
    with pytest.raises(PolicyError, match=f"{place}/.*was yanked on today: it forgets"):
        desk.promote()


def test_the_first_of_its_line_needs_only_be_measured_and_that_is_written_down(
    desk: Desk,
) -> None:
    desk.push(1, bench=BenchVerdict.UNKNOWN)
    desk.promote(requires=MEASURED)
    desk.promote(requires=MEASURED)
    (entry,) = desk.entries()
    assert entry.bench == dict.fromkeys(
        desk.publisher.digests, "the first of its line, so compared with nothing"
    )


def test_whoever_replaces_another_must_be_compared_with_that(desk: Desk) -> None:
    desk.push(1, bench=BenchVerdict.UNKNOWN)
    desk.promote(requires=MEASURED)
    old, before = dict(desk.publisher.digests), desk.tags("production")
    others = dict.fromkeys(old, "sha256:" + "a" * 64)
    for against, said in (({}, "nothing"), (others, "sha256:aaa")):
        desk.push(2, bench=BenchVerdict.SAME, against=against)
        for digest in old.values():
            with pytest.raises(PolicyError, match=f"{said}.*, but it would replace {digest}; run"):
                desk.promote(requires=MEASURED)
    assert desk.tags("production") == before


@pytest.mark.parametrize(
    ("verdict", "said"),
    [
        (BenchVerdict.UNKNOWN, "latency/x: whether batch=1 is worse is unknown: as measured; run"),
        (BenchVerdict.WORSE, "latency/x: batch=1 is worse: as measured"),
    ],
)
def test_what_is_slower_or_not_known_not_to_be_is_refused(
    desk: Desk, verdict: BenchVerdict, said: str
) -> None:
    desk.push(1, bench=BenchVerdict.UNKNOWN)
    desk.promote(requires=MEASURED)
    old = dict(desk.publisher.digests)
    desk.push(2, bench=verdict, against=old)
    with pytest.raises(PolicyError, match=said):
        desk.promote(requires=MEASURED)
    desk.push(2, bench=BenchVerdict.SAME, against=old)
    desk.promote(requires=MEASURED)
    assert desk.entries()[-1].bench == {name: f"no slower than {old[name]}" for name in old}
    desk.promote(requires=MEASURED)


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (SuiteStatus.FAILED, "latency/x is failed; run it again"),
        (SuiteStatus.UNFINISHED, "latency/x is unfinished; run it again"),
        (SuiteStatus.DEFERRED, "bench/latency/x deferred: make them where there is a GPU"),
    ],
)
def test_a_suite_that_did_not_come_to_its_end_is_no_measurement(
    desk: Desk, status: SuiteStatus, said: str
) -> None:
    desk.push(1, bench=BenchVerdict.SAME, status=status)
    with pytest.raises(PolicyError, match=said):
        desk.promote(requires=MEASURED)
