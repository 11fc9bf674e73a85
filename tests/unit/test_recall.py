"""On a fresh machine a registry's records count, of the very image and by the key, and never a scan."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dockwright.clients import evidence
from dockwright.clients.registry import Repository
from dockwright.errors import PolicyError
from dockwright.spec import records
from dockwright.spec.evidence import Kind
from dockwright.spec.records import SmokeRecord, Status
from dockwright.stages.recall import MODELS, recall
from fake_registry import FakeRegistry, opened
from publishing import Publisher

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dockwright.clients.registry_session import Session
    from dockwright.spec.variants import Variant
    from sample import Sample
    from unit.conftest import Run


@pytest.fixture
def session() -> Iterator[Session]:
    with opened(FakeRegistry()) as repository:
        yield repository.session


@pytest.fixture
def publisher(good: Sample, session: Session, tmp_path: Path) -> Publisher:
    """Someone whose images are in staging, and whose own records of checks are gone."""
    made = Publisher(sample=good, folder=tmp_path / "layouts")
    made.build(1)
    made.push(session)
    for variant in made.variants:
        records.record_path(good.ws.out_path, variant.identifier, "smoke").unlink()
    return made


def recalled(
    publisher: Publisher, session: Session, *, why_not: str | None = None
) -> list[SmokeRecord | None]:
    def repository(variant: Variant) -> Repository:
        return Repository(session=session, name=f"staging/{variant.repository}")

    ws = publisher.sample.ws
    recall(ws, publisher.variants, repository, Kind.SMOKE, lambda _, __: why_not)
    return [
        records.read(ws.out_path, variant.identifier, "smoke", SmokeRecord)
        for variant in publisher.variants
    ]


def test_what_the_key_has_signed_of_these_images_is_a_record_here(
    publisher: Publisher, session: Session, capsys: pytest.CaptureFixture[str]
) -> None:
    found = recalled(publisher, session)
    digests = [publisher.digests[variant.identifier] for variant in publisher.variants]
    assert [record and record.digest for record in found] == digests
    assert capsys.readouterr().err.count(": smoke record of ") == len(digests)


def test_what_the_key_has_not_signed_is_absent(publisher: Publisher, session: Session) -> None:
    assert set(recalled(publisher, session, why_not="nobody has signed it")) == {None}


def test_another_digest_has_no_record(publisher: Publisher, session: Session) -> None:
    publisher.build(2)
    for variant in publisher.variants:
        path = records.record_path(publisher.sample.ws.out_path, variant.identifier, "smoke")
        path.unlink()
    assert set(recalled(publisher, session)) == {None}


def test_a_record_that_is_here_stays(publisher: Publisher, session: Session) -> None:
    for variant in publisher.variants:
        digest = publisher.digests[variant.identifier]
        publisher.record_smoke(variant, digest, (Status.FAILED,))
    assert all(record and record.count(Status.FAILED) for record in recalled(publisher, session))


def test_a_record_of_another_version_is_told_and_passed_over(
    publisher: Publisher, session: Session, capsys: pytest.CaptureFixture[str]
) -> None:
    for variant in publisher.variants:
        repository = Repository(session=session, name=f"staging/{variant.repository}")
        digest = publisher.digests[variant.identifier]
        evidence.attach(repository, digest, Kind.SMOKE, b"{}", created_at="2999-01-01T00:00:00Z")
    assert set(recalled(publisher, session)) == {None}
    assert "no record of this version of dockwright" in capsys.readouterr().err


def test_scans_are_never_taken_over() -> None:
    assert set(MODELS) == {Kind.SMOKE, Kind.BENCH}


@pytest.mark.usefixtures("good")
def test_a_registry_without_a_key_proves_nothing(run: Run) -> None:
    code, _, err = run("smoke --proven-in registry.test/team")
    assert code == PolicyError.exit_code
    assert "has no key in buildspec/registries.yml, so nothing it says counts" in err
