"""What a build is given, what makes an image current, and when there is too little room."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import pytest

import fake_engine
from dockwright.builders import room
from dockwright.builders.job import Builder
from dockwright.composition import runtime
from dockwright.composition.base import BaseImages
from dockwright.composition.prediction import predict
from dockwright.composition.render import os_layer
from dockwright.errors import NoSpaceError, StaleError
from dockwright.spec import base_lock, records
from dockwright.spec.records import BuildRecord
from dockwright.stages import build as stage
from dockwright.stages.generate import generate
from dockwright.stages.plan import forecast
from sample import lock_layers

if TYPE_CHECKING:
    from dockwright.builders.job import Job
    from dockwright.composition.runtime import BuiltWheel
    from sample import Sample


def base_images(good: Sample, *, drift: tuple[str, ...] = ()) -> dict[str, BaseImages]:
    spec = good.manifest().bases["debian12"]
    lock = base_lock.load(good.ws.buildspec_path, spec)
    layout_path = good.ws.bases_path / "debian12"
    return {"debian12": BaseImages(layout_path=layout_path, lock=lock, drift=drift)}


def runtimes(good: Sample) -> dict[str, BuiltWheel]:
    return runtime.stock(good.ws, good.manifest().variants)


@pytest.fixture
def jobs(good: Sample) -> tuple[Job, ...]:
    manifest = good.manifest()
    generate(good.ws, manifest.variants, manifest.common.frameworks)
    return stage.prepare(good.ws, manifest.variants, base_images(good), runtimes(good))


def record(job: Job, **changes: object) -> BuildRecord:
    """Return the record of a build of the job."""
    facts = BuildRecord(
        identifier=job.variant.identifier,
        digest="sha256:" + "d" * 64,
        finished_at="2026-01-01T00:00:00+00:00",
        seconds=1.0,
        reference=job.variant.reference,
        builder="buildkit",
        inputs_sha256=job.inputs_sha256,
        base_digest="sha256:" + "b" * 64,
        is_base_drifted=False,
        media_type="application/vnd.docker.distribution.manifest.v2+json",
        layers=(),
        size_bytes=0,
    )
    return facts.model_copy(update=changes)


def test_a_job_mounts_what_its_variant_installs_and_the_build_tools(
    jobs: tuple[Job, ...],
) -> None:
    for job in jobs:
        names = {wheel.name for wheel in job.wheels}
        assert {"uv", "pip", "transformers"} <= names
        assert ("datasets" in names) == (job.variant.job == "training")
        assert ("nvidia-cudnn-cu99" in names) == (
            job.variant.accelerator.name == "cu999" and job.variant.release.framework == "pytorch"
        )


def test_contexts_are_pinned_by_digest(jobs: tuple[Job, ...], good: Sample) -> None:
    lock = base_images(good)["debian12"].lock
    for job in jobs:
        contexts = job.target.contexts
        assert contexts["base"].endswith(lock.image("base").manifest_digest)
        if job.variant.job == "training":
            name = os_layer(job.variant)
            assert name
            assert contexts[name].endswith(lock.image(name).manifest_digest)


def test_an_image_is_current_while_its_inputs_and_the_engine_s_image_are_the_recorded_ones(
    jobs: tuple[Job, ...], good: Sample
) -> None:
    job = jobs[0]
    made = record(job)
    records.write(good.ws.out_path, "build", made)
    for client, expected in (
        (fake_engine.client({made.reference: made.digest}), {made.identifier: made}),
        (fake_engine.client({made.reference: "sha256:" + "e" * 64}), {}),
        (fake_engine.client({}), {}),
    ):
        assert stage.current_records(good.ws, jobs, client, Builder.BUILDKIT) == expected
    other = replace(job, inputs_sha256="0" * 64)
    there = fake_engine.client({made.reference: made.digest})
    assert stage.current_records(good.ws, [other], there, Builder.BUILDKIT) == {}
    assert stage.current_records(good.ws, jobs, there, Builder.ASSEMBLE) == {}


def test_plan_and_build_agree_on_what_is_up_to_date(jobs: tuple[Job, ...], good: Sample) -> None:
    for job in jobs:
        records.write(good.ws.out_path, "build", record(job))
    told = forecast(good.ws, good.manifest().variants)
    assert all(f.is_current for f in told)
    assert {f.action for f in told} == {f"up to date, sha256:{'d' * 64}"}
    records.write(good.ws.out_path, "build", record(jobs[0], inputs_sha256="0" * 64))
    (changed,) = forecast(good.ws, [jobs[0].variant])
    assert changed.action.startswith("to be built: its inputs have changed, fetching ")


def test_a_drifted_base_is_never_current_and_never_like_the_locked_one(good: Sample) -> None:
    manifest = good.manifest()
    generate(good.ws, manifest.variants, manifest.common.frameworks)
    locked = base_images(good)["debian12"]
    image = replace(locked.lock.images[0], manifest_digest="sha256:" + "9" * 64)
    today = replace(locked.lock, images=(image, *locked.lock.images[1:]))
    drifted = {"debian12": replace(locked, lock=today, drift=("base: bash 1 -> 2",))}
    variants = manifest.variants[:1]
    (one,) = stage.prepare(good.ws, variants, {"debian12": locked}, runtimes(good))
    (other,) = stage.prepare(good.ws, variants, drifted, runtimes(good))
    assert one.inputs_sha256 != other.inputs_sha256
    records.write(good.ws.out_path, "build", record(other, is_base_drifted=True))
    assert not forecast(good.ws, variants)[0].is_current


def test_a_stale_lock_is_no_job(good: Sample) -> None:
    good.edit("pytorch.yml", 'tokenizers: "7.0.1"', 'tokenizers: "7.0.2"')
    with pytest.raises(StaleError, match="is stale"):
        stage.prepare(good.ws, good.manifest().variants, base_images(good), runtimes(good))


class Usage(NamedTuple):
    total: int
    used: int
    free: int


def test_too_little_room_is_told_before_anything_is_built(
    jobs: tuple[Job, ...], good: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**9, 10**9 - 1000, 1000))
    with pytest.raises(NoSpaceError, match=r"has 1 kB free, .* run `dockwright clean`, or set"):
        room.require(good.ws, jobs, room.PER_WHEEL_BYTE)


def test_layers_that_the_engine_has_need_no_room(
    good: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock_layers(good.ws)
    manifest = good.manifest()
    generate(good.ws, manifest.variants, manifest.common.frameworks)
    job = stage.prepare(good.ws, manifest.variants, base_images(good), runtimes(good))[0]
    planned = predict(job.variant, job.lock, job.base.lock, job.runtime, job.layers).layers
    there = {layer.digest for layer in planned.values()}
    weight = sum(wheel.size_bytes for wheel in job.wheels)
    known = sum(layer.size_bytes for layer in planned.values())
    assert 0 < known < weight
    free = 4 * (weight - known)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**12, 10**12 - free, free))
    room.require(good.ws, [job], room.PER_LOADED_BYTE, there=there)
    with pytest.raises(NoSpaceError):
        room.require(good.ws, [job], room.PER_LOADED_BYTE)
