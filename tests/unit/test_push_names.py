"""Names in a registry: one for ever, the others move forward only, a yanked image gets none."""

from __future__ import annotations

import json
import shlex
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import httpx
import pytest

import images
from dockwright.builders import deliver
from dockwright.clients import ecr, evidence
from dockwright.errors import BusyError, PolicyError, RegistryError, StaleError
from dockwright.spec.evidence import Kind
from dockwright.spec.publication import Standing, Yank
from dockwright.spec.records import Status
from fake_registry import HOST, FakeRegistry, opened
from publishing import Publisher

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from dockwright.clients.registry import Repository
    from sample import Sample

NOW = datetime(2026, 11, 23, 10, 0, 0, tzinfo=UTC)
VARIANT = "tensorflow-8.2.0-transformers4.99.0-py311-debian12-inference-cpu"
FULL = "8.2.0-transformers4.99.0-cpu-py311-debian12"
SHORT = "8.2.0-cpu-py311"
ECR = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"


@pytest.fixture
def publisher(good: Sample, tmp_path: Path) -> Publisher:
    made = Publisher(sample=good, folder=tmp_path / "layouts", glob=VARIANT, now=NOW)
    made.build(1)
    return made


@pytest.fixture
def registry() -> FakeRegistry:
    return FakeRegistry()


@pytest.fixture
def repository(registry: FakeRegistry, publisher: Publisher) -> Iterator[Repository]:
    with opened(registry, name=f"staging/{publisher.variants[0].repository}") as its:
        yield its


def fixed(repository: Repository) -> dict[str, str | None]:
    """Return the immutable tags, and what they name."""
    tags = [tag for tag in repository.tags() if "-v" in tag]
    return {tag: repository.manifest_digest(tag) for tag in tags}


def test_an_image_keeps_its_immutable_tag_and_another_build_gets_its_own(
    publisher: Publisher, repository: Repository
) -> None:
    (first,), (again,) = (publisher.push(repository.session) for _ in range(2))
    assert again.immutable_tag == first.immutable_tag == f"{FULL}-v1.0-2026-11-23-10-00-00"
    publisher.build(2)
    (second,) = publisher.push(repository.session)
    assert fixed(repository) == {
        first.immutable_tag: first.digest,
        f"{FULL}-v1.0-2026-11-23-10-02-00": second.digest,
    }


def test_a_push_of_what_is_there_asks_for_names_alone_and_new_records_are_attached(
    publisher: Publisher, registry: FakeRegistry, repository: Repository
) -> None:
    (first,) = publisher.push(repository.session)
    registry.log.clear()
    (again,) = publisher.push(repository.session)
    assert not any(line.startswith(("PUT", "POST")) or "/blobs/" in line for line in registry.log)
    assert (again.digest, again.tags, again.sent_bytes) == (first.digest, first.tags, 0)
    publisher.record_smoke(publisher.variants[0], first.digest, [Status.PASSED, Status.PASSED])
    publisher.push(repository.session)
    assert len(evidence.found(repository, first.digest, Kind.SMOKE)) == 2
    repository.put_manifest(SHORT, b'{"theirs": 1}')
    publisher.push(repository.session)
    assert repository.manifest_digest(SHORT) == first.digest


def test_another_image_version_is_another_immutable_tag_of_the_same_image(
    publisher: Publisher, repository: Repository
) -> None:
    (first,) = publisher.push(repository.session)
    publisher.sample.edit(
        "tensorflow.yml", '  - version: "8.2.0"', '  - image: "1.1"\n    version: "8.2.0"'
    )
    (second,) = publisher.push(repository.session)
    assert second.immutable_tag == f"{FULL}-v1.1-2026-11-23-10-01-00"
    assert fixed(repository) == dict.fromkeys(
        (first.immutable_tag, second.immutable_tag), first.digest
    )


def test_an_immutable_tag_that_another_has_is_not_overwritten(
    publisher: Publisher, repository: Repository
) -> None:
    tag = f"{FULL}-v1.0-2026-11-23-10-00-00"
    other = repository.put_manifest(tag, b'{"other": 1}')
    with pytest.raises(BusyError, match="never overwritten; push again"):
        publisher.push(repository.session)
    assert repository.tags() == (tag, f"sha256-{publisher.digests[VARIANT][7:]}")
    assert repository.manifest_digest(tag) == other


def test_an_older_build_takes_no_name_from_a_newer_one(
    publisher: Publisher, repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    publisher.now += timedelta(hours=1)
    publisher.build(2)
    (newer,) = publisher.push(repository.session)
    publisher.now -= timedelta(hours=1)
    publisher.build(1)
    (older,) = publisher.push(repository.session)
    assert (older.tags, len(newer.tags)) == ((), 3)
    assert {repository.manifest_digest(tag) for tag in newer.tags} == {newer.digest}
    assert repository.manifest_digest(older.immutable_tag) == older.digest
    assert f":{SHORT} stays at {newer.immutable_tag}, which is newer" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changes", "is_newer"),
    [
        ({"version": "8.10.0"}, True),
        ({"version": "8.1.9", "built_at": NOW + timedelta(days=9)}, False),
        ({"transformers": "4.100.0"}, True),
        ({"image": "1.10"}, True),
        ({"image": "1.0", "built_at": NOW - timedelta(days=1)}, False),
    ],
)
def test_what_the_registry_tells_of_a_names_holder_decides(
    publisher: Publisher,
    repository: Repository,
    changes: dict[str, object],
    *,
    is_newer: bool,
) -> None:
    """As where the holder is of a release that this manifest does not know."""
    publisher.sample.edit(
        "tensorflow.yml", '  - version: "8.2.0"', '  - image: "1.9"\n    version: "8.2.0"'
    )
    (ours,) = publisher.push(repository.session)
    note = evidence.newest(repository, ours.digest, Kind.RELEASE)
    assert note is not None
    theirs = repository.put_manifest("theirs", b'{"theirs": 1}')
    standing = Standing.model_validate_json(note.content)
    holder = standing.model_copy(update={"digest": theirs, "tag": "theirs", **changes})
    evidence.attach(repository, theirs, Kind.RELEASE, holder.content, created_at=NOW.isoformat())
    repository.put_manifest(SHORT, b'{"theirs": 1}')
    (again,) = publisher.push(repository.session)
    assert (SHORT in again.tags) is not is_newer
    assert repository.manifest_digest(SHORT) == (theirs if is_newer else ours.digest)


def test_a_name_of_an_image_that_nobody_tells_of_is_taken_and_said(
    publisher: Publisher, repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    repository.put_manifest(SHORT, b'{"theirs": 1}')
    (ours,) = publisher.push(repository.session)
    assert repository.manifest_digest(SHORT) == ours.digest
    assert "of which no push has told anything" in capsys.readouterr().err


def test_a_yanked_image_is_refused_before_anything_is_sent(
    publisher: Publisher, registry: FakeRegistry, repository: Repository
) -> None:
    publisher.push(repository.session)
    digest = publisher.digests[VARIANT]
    note = Yank(digest=digest, reason="it forgets", replacement="8.3.0", yanked_at="today")
    evidence.attach(repository, digest, Kind.YANK, note.content, created_at=NOW.isoformat())
    registry.log.clear()
    with pytest.raises(PolicyError, match=r"was yanked on today: it forgets; use 8.3.0"):
        publisher.push(repository.session)
    assert not any(line.startswith(("PUT", "POST")) for line in registry.log)


def test_an_unchecked_image_does_not_replace_one_that_was_pushed(
    publisher: Publisher,
    repository: Repository,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As `build --to registry:` delivers it."""
    monkeypatch.setattr(
        "dockwright.clients.registry.session", lambda _: nullcontext(repository.session)
    )
    destination = deliver.parse(f"registry:{HOST}/staging")
    variant, every = publisher.variants[0], publisher.every
    raw, other = (images.tiny(tmp_path, extra_bytes=9, seed=seed) for seed in (7, 8))
    with deliver.opened(publisher.sample.ws, destination, every) as to:
        for image in (raw, other):
            to(variant, image)
            assert repository.manifest_digest(FULL) == image.digest
        (pushed,) = publisher.push(repository.session)
        with pytest.raises(PolicyError, match="an unchecked one does not replace it"):
            to(variant, raw)
    assert repository.manifest_digest(FULL) == pushed.digest


def test_a_clock_that_is_wrong_moves_no_tag(
    publisher: Publisher, registry: FakeRegistry, repository: Repository
) -> None:
    def tells(date: str) -> Callable[[httpx.Request], httpx.Response]:
        return lambda _: httpx.Response(200, headers={"Date": date})

    registry.faults.append(("GET /v2/$", tells("Mon, 23 Nov 2026 12:00:00 GMT")))
    with pytest.raises(StaleError, match=r"says that it is 2026-11-23 12:00:00 UTC.*set the clock"):
        publisher.push(repository.session)
    registry.faults.append(("GET /v2/$", tells("Mon, 23 Nov 2026 10:03:00 GMT")))
    publisher.push(repository.session)
    publisher.now += timedelta(days=1)
    publisher.build(2)
    publisher.now -= timedelta(days=1)
    with pytest.raises(StaleError, match="which is yet to come; build it again"):
        publisher.push(repository.session)


def test_a_repository_that_ecr_lacks_is_told_with_the_commands_that_make_it(
    publisher: Publisher,
) -> None:
    publisher.know(ECR)
    with opened(FakeRegistry(), host=ECR) as its, pytest.raises(RegistryError) as refused:
        publisher.push(its.session)
    name = f"staging/{publisher.variants[0].repository}"
    assert (
        f"aws ecr create-repository --region eu-west-1 --repository-name {name} "
        "--image-tag-mutability MUTABLE_WITH_EXCLUSION "
        "--image-tag-mutability-exclusion-filters 'filterType=WILDCARD,filter=*-v*'"
    ) in str(refused.value)
    assert "put-lifecycle-policy" not in str(refused.value), "a place without a name keeps images"
    with opened(FakeRegistry(), host=ECR, name=name) as its:
        _, retention = ecr.commands_for(its, 30)
    policy = json.loads(shlex.split(retention)[-1])
    assert policy["rules"][0]["selection"]["countNumber"] == 30


def test_a_push_that_was_cut_off_goes_on_under_the_name_that_it_had_decided_on(
    publisher: Publisher, registry: FakeRegistry, repository: Repository
) -> None:
    """Between the note beside the image and its immutable tag."""
    registry.fail(f"PUT .*/manifests/{FULL}-v", 403)
    with pytest.raises(RegistryError, match="403"):
        publisher.push(repository.session)
    assert fixed(repository) == {}
    publisher.now += timedelta(minutes=5)
    (pushed,) = publisher.push(repository.session)
    assert list(fixed(repository)) == [f"{FULL}-v1.0-2026-11-23-10-00-00"] == [pushed.immutable_tag]
