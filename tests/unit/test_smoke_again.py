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
def test_only_an_image_that_passed_everything_is_passed_over(good: Sample, status: Status) -> None:
    records.write(good.ws.out_path, "smoke", record(status))
    assert bool(already_passed(good.ws, [SUBJECT])) == (status is Status.PASSED)


def test_an_image_without_a_record_is_checked(good: Sample) -> None:
    assert already_passed(good.ws, [SUBJECT]) == {}


@pytest.mark.parametrize(
    "changed",
    [
        replace(SUBJECT, archive=b"another script"),
        replace(SUBJECT, suspicious=frozenset({"another-host"})),
        replace(SUBJECT, image=replace(SUBJECT.image, digest="sha256:" + "b" * 64)),
    ],
)
def test_other_checks_or_another_image_are_checked_again(good: Sample, changed: Subject) -> None:
    records.write(good.ws.out_path, "smoke", record(Status.PASSED))
    assert already_passed(good.ws, [changed]) == {}
