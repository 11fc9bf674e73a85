"""Only an image that was built from today's inputs and has passed its checks is pushed."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

import httpx
import pytest

import fake_engine
import images
from dockwright.clients import images as engine_images
from dockwright.errors import BuildError, HashMismatchError, RecordError, SmokeError, StaleError
from dockwright.spec import records, registries
from dockwright.spec.records import BuildRecord, CheckRecord, PushRecord, SmokeRecord, Status
from dockwright.stages.push import parcels, send
from dockwright.stages.push.sources import Engine
from fake_registry import HOST, FakeRegistry, opened

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from docker import DockerClient

    from dockwright.clients.registry import Repository
    from dockwright.spec.image import AssembledImage
    from dockwright.spec.registries import Target
    from dockwright.spec.variants import Variant
    from dockwright.stages.push.parcels import Parcel
    from sample import Sample

NOW = datetime(2026, 11, 23, tzinfo=UTC)
PLACE = f"{HOST}/team"


class Built(NamedTuple):
    """A variant whose image the engine has, with its records."""

    good: Sample
    variant: Variant
    image: AssembledImage
    client: DockerClient

    @property
    def target(self) -> Target:
        return registries.find(self.good.ws.buildspec_path, PLACE)

    @property
    def source(self) -> Engine:
        return Engine(client=self.client, scratch_path=self.good.ws.uploads_path)

    def prepare(self, *, is_current: bool = True) -> tuple[Parcel, ...]:
        every = self.good.manifest().variants
        variants = [v for v in every if v.identifier == self.variant.identifier]
        current = {self.variant.identifier} if is_current else set()
        return parcels.prepare(
            self.good.ws,
            variants,
            every,
            self.target,
            self.source,
            current=current,
            signed_by=None,
        )

    def push(
        self, registry: FakeRegistry, *, now: datetime = NOW, source: Engine | None = None
    ) -> tuple[PushRecord, ...]:
        prepared = self.prepare()
        with opened(registry) as repository:
            return send.push(
                self.good.ws,
                prepared,
                source or self.source,
                repository.session,
                self.target,
                attest=no_evidence,
                clock=lambda: now,
                mount_from=["team/other"],
            )

    def build_record(self, **changes: object) -> None:
        record = BuildRecord(
            identifier=self.variant.identifier,
            digest=self.image.digest,
            finished_at=NOW.isoformat(),
            seconds=1.0,
            reference=self.variant.reference,
            builder="buildkit",
            inputs_sha256="0" * 64,
            base_digest="sha256:" + "b" * 64,
            is_base_drifted=False,
            media_type=self.image.manifest_type,
            layers=(),
            size_bytes=1,
        )
        records.write(self.good.ws.out_path, "build", record.model_copy(update=changes))

    def smoke_record(self, *statuses: Status, digest: str | None = None) -> None:
        record = SmokeRecord(
            identifier=self.variant.identifier,
            digest=digest or self.image.digest,
            finished_at=NOW.isoformat(),
            seconds=1.0,
            checks_sha256="c" * 64,
            checks=tuple(
                CheckRecord(name=f"common/{status}", status=status, seconds=1.0, detail="")
                for status in statuses
            ),
        )
        records.write(self.good.ws.out_path, "smoke", record)


def no_evidence(
    repository: Repository, parcel: Parcel, *, also: Sequence[str], now: datetime
) -> None:
    """Attach nothing: what is attached is another stage's business."""


def blobs_of(image: AssembledImage) -> dict[str, bytes]:
    layers = {layer.digest: layer.path.read_bytes() for layer in image.layers}
    return layers | {image.config_digest: image.config, image.digest: image.manifest}


def engine_with(image: AssembledImage, reference: str, root: Path | None = None) -> DockerClient:
    """Return an engine that has the image: in a folder that can be read, or to be exported only."""
    blobs = {digest.replace(":", "/"): content for digest, content in blobs_of(image).items()}
    if root is None:
        exported = {f"blobs/{name}": content for name, content in blobs.items()}
        return fake_engine.client({reference: image.digest}, exported)
    for name, content in blobs.items():
        path = root / engine_images.CONTENT / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return fake_engine.client({reference: image.digest}, {}, root=str(root))


@pytest.fixture(params=["in place", "exported"])
def built(good: Sample, tmp_path: Path, request: pytest.FixtureRequest) -> Built:
    """An image that may be pushed."""
    variant = good.manifest().variants[0]
    image = images.tiny(tmp_path / "blobs", extra_bytes=1000)
    root = tmp_path / "engine" if request.param == "in place" else None
    made = Built(good, variant, image, engine_with(image, variant.reference, root))
    made.build_record()
    made.smoke_record(Status.PASSED, Status.DEFERRED)
    return made


def test_an_image_is_pushed_under_its_tags_and_recorded(built: Built) -> None:
    registry = FakeRegistry()
    (record,) = built.push(registry)
    name = f"team/{built.variant.repository}"
    assert record.tags[0] == built.variant.tag
    assert len(record.tags) == 3
    for target in (record.immutable_tag, *record.tags, built.image.digest):
        assert registry.manifests[name, target][1] == built.image.manifest
    assert (record.repository, record.digest) == (f"{HOST}/{name}", built.image.digest)
    assert record.immutable_tag == f"{built.variant.tag}-v1.0-2026-11-23-00-00-00"
    assert (record.sent_blobs, record.mounted_blobs, record.present_blobs) == (3, 0, 0)
    assert registry.sent_bytes > record.sent_bytes > 1000, "the note of the release went, too"
    identifier = built.variant.identifier
    assert records.read(built.good.ws.out_path, identifier, "push", PushRecord) == record


def test_what_is_there_or_next_door_is_not_sent_again(built: Built) -> None:
    registry = FakeRegistry(blobs={"team/other": blobs_of(built.image)})
    (first,), (second,) = built.push(registry), built.push(registry)
    assert (first.mounted_blobs, first.sent_blobs, first.sent_bytes) == (3, 0, 0)
    assert first.mounted_bytes == built.image.size_bytes - len(built.image.manifest)
    assert (second.present_blobs, second.mounted_blobs, second.sent_blobs) == (3, 0, 0)
    assert (first.sent_bytes, second.sent_bytes) == (0, 0)


def test_nothing_of_an_export_is_left(built: Built) -> None:
    built.push(FakeRegistry())
    assert [path for path in built.good.ws.uploads_path.rglob("*") if path.is_file()] == []


def test_an_image_is_pushed_only_as_it_was_built(built: Built) -> None:
    with pytest.raises(StaleError, match=r"its inputs have changed since .* `dockwright build"):
        built.prepare(is_current=False)
    built.build_record(digest="sha256:" + "e" * 64)
    with pytest.raises(RecordError, match=r"the engine has no sha256:e.*; run `dockwright build"):
        built.prepare()
    built.build_record(is_base_drifted=True)
    with pytest.raises(StaleError, match=r"drifted from the lock; run `dockwright lock --base`"):
        built.prepare()
    built.build_record(media_type="application/vnd.oci.image.manifest.v1+json")
    with pytest.raises(BuildError, match=f"{PLACE} takes only"):
        built.prepare()
    records.record_path(built.good.ws.out_path, built.variant.identifier, "build").unlink()
    with pytest.raises(RecordError, match=r"has no build record; run `dockwright build"):
        built.prepare()


def test_an_image_is_pushed_only_after_its_own_checks_have_passed(built: Built) -> None:
    built.smoke_record(Status.PASSED, Status.FAILED)
    with pytest.raises(SmokeError, match=r"common/failed failed; see `dockwright smoke"):
        built.prepare()
    built.smoke_record(Status.PASSED, digest="sha256:" + "e" * 64)
    with pytest.raises(RecordError, match=r"was not checked; run `dockwright smoke"):
        built.prepare()
    records.record_path(built.good.ws.out_path, built.variant.identifier, "smoke").unlink()
    with pytest.raises(RecordError, match=r"was not checked; run `dockwright smoke"):
        built.prepare()


def test_every_image_that_must_not_be_pushed_is_named(built: Built) -> None:
    every = built.good.manifest().variants
    with pytest.raises(StaleError) as refused:
        parcels.prepare(
            built.good.ws, every, every, built.target, built.source, current=set(), signed_by=None
        )
    assert all(v.identifier in str(refused.value) for v in every)


def test_a_tag_that_another_push_has_taken_meanwhile_is_told_and_not_recorded(built: Built) -> None:
    registry = FakeRegistry()
    other = httpx.Response(200, headers={"Docker-Content-Digest": "sha256:" + "f" * 64})
    looked_up = f"HEAD .*/manifests/{re.escape(built.variant.tag)}$"
    registry.faults += [(looked_up, lambda _: None), (looked_up, lambda _: other)]
    with pytest.raises(HashMismatchError, match=r"is sha256:f+, not sha256:.* as pushed"):
        built.push(registry)
    identifier = built.variant.identifier
    assert records.read(built.good.ws.out_path, identifier, "push", PushRecord) is None


def test_an_image_that_was_built_anew_meanwhile_is_not_pushed_in_its_place(built: Built) -> None:
    client = fake_engine.client({built.variant.reference: "sha256:" + "e" * 64})
    newer = Engine(client=client, scratch_path=built.good.ws.uploads_path)
    registry = FakeRegistry()
    with pytest.raises(RecordError, match="is not sha256:"):
        built.push(registry, source=newer)
    assert registry.manifests == {}
