"""Which images `smoke --unless-passed` passes over: those that these very checks have passed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from dockwright.clients.images import EngineImage
from dockwright.spec import records
from dockwright.spec.records import CheckRecord, SmokeRecord, Status
from dockwright.stages.smoke.run import already_passed
from dockwright.stages.smoke.subject import Subject

if TYPE_CHECKING:
    from sample import Sample

SUBJECT = Subject(
    identifier="one",
    image=EngineImage(digest="sha256:" + "a" * 64, manifest={}, config={}),
    unpacked_bytes=0,
    facts={},
    checks=(),
    archive=b"scripts and facts",
    suspicious=frozenset({"a-host"}),
)


def record(status: Status) -> SmokeRecord:
    return SmokeRecord(
        identifier=SUBJECT.identifier,
        digest=SUBJECT.image.digest,
        finished_at="2026-11-22T12:00:00+00:00",
        seconds=1.0,
        checks_sha256=SUBJECT.checks_sha256,
        checks=(CheckRecord(name="common/check_x", status=status, seconds=1.0, detail=""),),
    )


@pytest.mark.parametrize("status", list(Status))
def test_an_image_in_which_something_failed_is_checked_again(good: Sample, status: Status) -> None:
    records.write(good.ws.out_path, "smoke", record(status))
    passed = already_passed(good.ws, [SUBJECT], has_gpu=False)
    assert bool(passed) == (status is not Status.FAILED)


def test_what_was_deferred_is_checked_where_there_is_a_gpu(good: Sample) -> None:
    records.write(good.ws.out_path, "smoke", record(Status.DEFERRED))
    assert already_passed(good.ws, [SUBJECT], has_gpu=True) == {}


def test_an_image_without_a_record_is_checked(good: Sample) -> None:
    assert already_passed(good.ws, [SUBJECT], has_gpu=False) == {}


def test_a_hit_is_told_with_its_date(good: Sample, capsys: pytest.CaptureFixture[str]) -> None:
    records.write(good.ws.out_path, "smoke", record(Status.PASSED))
    already_passed(good.ws, [SUBJECT], has_gpu=False)
    told = capsys.readouterr().err
    assert told.startswith("PASSED BEFORE  one  1 checks, on 2026-11-22T12:00:00+00:00")


@pytest.mark.parametrize(
    "changed",
    [
        replace(SUBJECT, archive=b"another script"),
        replace(SUBJECT, image=replace(SUBJECT.image, digest="sha256:" + "b" * 64)),
    ],
)
def test_other_checks_or_another_image_are_checked_again(good: Sample, changed: Subject) -> None:
    records.write(good.ws.out_path, "smoke", record(Status.PASSED))
    assert already_passed(good.ws, [changed], has_gpu=False) == {}


def test_another_host_counts_unless_the_image_tells_of_this_one(good: Sample) -> None:
    records.write(good.ws.out_path, "smoke", record(Status.PASSED))
    elsewhere = replace(SUBJECT, suspicious=frozenset({"another-host"}))
    assert already_passed(good.ws, [elsewhere], has_gpu=False)
    image = replace(SUBJECT.image, config={"history": [{"created_by": "cp another-host:x ."}]})
    assert already_passed(good.ws, [replace(elsewhere, image=image)], has_gpu=False) == {}
