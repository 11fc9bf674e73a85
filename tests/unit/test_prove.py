"""`dockwright prove` passes over what its records show to be done, and does the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dockwright.spec import records
from dockwright.spec.records import BuildRecord, CheckRecord, SmokeRecord, Status
from dockwright.stages.smoke import run as smoke
from dockwright.stages.smoke.subject import checks_of, checks_sha256

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dockwright.spec.variants import Variant
    from sample import Sample

DIGEST = "sha256:" + "d" * 64


def build_record(variant: Variant, *, digest: str = DIGEST) -> BuildRecord:
    return BuildRecord(
        identifier=variant.identifier,
        digest=digest,
        finished_at="2026-01-01T00:00:00+00:00",
        seconds=1.0,
        reference=variant.reference,
        builder="buildkit",
        inputs_sha256="0" * 64,
        base_digest="sha256:" + "b" * 64,
        is_base_drifted=False,
        media_type="application/vnd.docker.distribution.manifest.v2+json",
        layers=(),
        size_bytes=0,
    )


@pytest.fixture
def variant(good: Sample) -> Variant:
    """A variant that was built, and has a check for each of its traits."""
    first = good.manifest().variants[0]
    for trait in first.traits:
        folder = good.ws.smoke_path / trait
        folder.mkdir(parents=True)
        (folder / "check_fine.py").write_text("print('fine')\n")
    records.write(good.ws.out_path, "build", build_record(first))
    return first


def smoked(good: Sample, variant: Variant, *statuses: Status) -> None:
    """Write the record of today's checks of the image."""
    _, archive = checks_of(good.ws, variant)
    record = SmokeRecord(
        identifier=variant.identifier,
        digest=DIGEST,
        finished_at="2026-01-01T00:00:00+00:00",
        seconds=1.0,
        checks_sha256=checks_sha256(archive),
        checks=tuple(
            CheckRecord(name=f"common/{status}", status=status, seconds=1.0, detail="")
            for status in statuses
        ),
    )
    records.write(good.ws.out_path, "smoke", record)


def is_settled(good: Sample, variant: Variant) -> bool:
    return variant.identifier in smoke.settled(good.ws, good.manifest().variants)


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ([Status.PASSED], True),
        ([Status.PASSED, Status.DEFERRED], True),
        ([Status.PASSED, Status.FAILED], False),
    ],
)
def test_an_image_is_done_when_nothing_has_failed(
    good: Sample, variant: Variant, statuses: Sequence[Status], *, expected: bool
) -> None:
    assert not is_settled(good, variant)
    smoked(good, variant, *statuses)
    assert is_settled(good, variant) is expected


def test_an_image_is_not_done_after_another_build(good: Sample, variant: Variant) -> None:
    smoked(good, variant, Status.PASSED)
    records.write(good.ws.out_path, "build", build_record(variant, digest="sha256:" + "e" * 64))
    assert not is_settled(good, variant)


def test_an_image_is_not_done_under_other_checks(good: Sample, variant: Variant) -> None:
    smoked(good, variant, Status.PASSED)
    (good.ws.smoke_path / "common" / "check_more.py").write_text("print('more')\n")
    assert not is_settled(good, variant)
