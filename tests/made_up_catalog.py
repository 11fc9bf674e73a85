"""A number in; a catalogue of so many images that nobody built, varied in all that pages show, out."""

from __future__ import annotations

from itertools import islice, product
from typing import TYPE_CHECKING

from dockwright.spec.bench_records import BenchVerdict
from dockwright.spec.catalog import (
    SCHEMA_VERSION,
    Bench,
    Catalog,
    Change,
    Check,
    Evidence,
    Gpu,
    Image,
    Layer,
    Metric,
    Release,
    Scan,
    Smoke,
)
from dockwright.spec.evidence import Kind
from dockwright.spec.publication import Yank
from dockwright.spec.records import Status, Urgency

if TYPE_CHECKING:
    from collections.abc import Iterator

MADE_AT = "2026-01-01T00:00:00+00:00"
PLACE = "registry.test/team"
COMMON = tuple(f"package-{n}=={n}.0" for n in range(60))


def catalog(count: int) -> Catalog:
    """Return `count` images of a registry: every fourth one is there, every eighth one's GPU checks
    are deferred, and the last one of every forty is yanked.
    """
    layers: dict[str, Layer] = {"sha256:base": _layer("base", 40, COMMON)}
    images = []
    for number, facts in enumerate(islice(_facts(), count)):
        image, own = _image(number, *facts)
        layers |= own
        images.append(image)
    return Catalog(
        schema_version=SCHEMA_VERSION,
        made_at=MADE_AT,
        source=PLACE,
        key="release.pub",
        gpus=(
            Gpu(capability="6.0", names=("P100",)),
            Gpu(capability="7.5", names=("T4",)),
            Gpu(capability="8.6", names=("A10", "A10G")),
            Gpu(capability="12.0", names=("RTX 5090",)),
        ),
        releases={image.release: _release(image) for image in images},
        layers=layers,
        images=tuple(images),
    )


def _facts() -> Iterator[tuple[str, str, str, str, str]]:
    frameworks = (
        *(("pytorch", f"2.{minor}.0") for minor in range(10, 40)),
        *(("tensorflow", f"2.{minor}.0") for minor in range(10, 30)),
    )
    lines = (f"5.{minor}.0" for minor in range(10, 20))
    accelerators = ("cpu", "cu130")
    for (name, version), line, job, accelerator in product(
        frameworks, lines, ("inference", "training"), accelerators
    ):
        yield name, version, line, job, accelerator


def _release(image: Image) -> Release:
    moved = Change(name="torch", before="1.0", after=image.version, step="major", is_direct=True)
    along = Change(name="numpy", before=None, after="2.0", step="added", is_direct=False)
    return Release(
        title=image.release,
        image="1.0",
        pins={"torch": image.version},
        conflicts={"tf-keras wants tensorflow": "tensorflow-cpu is that"},
        since="the one before",
        changes=(moved, along),
    )


def _layer(name: str, megabytes: int, packages: tuple[str, ...]) -> Layer:
    return Layer(name=name, size_bytes=megabytes * 1_000_000, packages=packages)


def _image(
    number: int, framework: str, version: str, transformers: str, job: str, accelerator: str
) -> tuple[Image, dict[str, Layer]]:
    keys = {
        f"sha256:{framework}-{version}-{accelerator}": _layer(
            "framework", 200, (f"{framework}=={version}",)
        ),
        f"sha256:transformers-{transformers}": _layer(
            "huggingface", 20, (f"transformers=={transformers}",)
        ),
        f"sha256:own-{number}": _layer("own", 1, (f"peft==0.{number % 30}.1",)),
    }
    is_there = number % 4 == 0
    tag = f"{version}-transformers{transformers}-{accelerator}"
    digest = f"sha256:{number:064x}" if is_there else None
    image = Image(
        identifier=f"{framework}-{tag}-{job}",
        release=f"{framework}-{version}-transformers{transformers}",
        title=f"{framework} {version} with Transformers {transformers}: {job} on {accelerator}",
        framework=framework,
        version=version,
        transformers=transformers,
        python="3.11",
        base="debian12",
        job=job,
        accelerator=accelerator,
        driver=None if accelerator == "cpu" else "580.65",
        cuda=None if accelerator == "cpu" else "13.0.96",
        targets=() if accelerator == "cpu" else ("sm_75", "sm_80", "compute_90"),
        repository=f"huggingface-{framework}-{job}",
        tag=tag,
        aliases=(),
        immutable_tag=f"{tag}-v1.0" if is_there else None,
        ga="2026-01-01",
        end_of_patch="2099-01-01",
        digest=digest,
        pushed_to=f"{PLACE}/huggingface-{framework}-{job}" if is_there else None,
        is_signed=True if is_there else None,
        yank=_yank(digest, number) if digest and number % 40 == 36 else None,
        evidence=_evidence() if is_there else (),
        size_bytes=261_000_000,
        unpacked_bytes=None,
        budget_bytes=300_000_000,
        layers=("sha256:base", *keys),
        smoke=_smoke(is_deferred=number % 8 == 0) if is_there else None,
        scan=_scan() if is_there else None,
        bench=(_deferred_bench() if number % 8 else _bench()) if is_there else None,
    )
    return image, keys


def _yank(digest: str, number: int) -> Yank:
    """Return why an image was yanked; another one of the same repository replaces it."""
    _, version, line, job, accelerator = next(islice(_facts(), number - 36, None))
    assert job == "inference"
    return Yank(
        digest=digest,
        reason="it forgets",
        replacement=f"{version}-transformers{line}-{accelerator}",
        yanked_at=MADE_AT,
    )


def _evidence() -> tuple[Evidence, ...]:
    return tuple(
        Evidence(kind=kind, digest=f"sha256:{kind.value:e>64}", created_at=MADE_AT)
        for kind in (Kind.SMOKE, Kind.SBOM)
    )


def _smoke(*, is_deferred: bool) -> Smoke:
    deferred = Check(name="cuda/check_gpu", status=Status.DEFERRED, detail="needs gpu")
    return Smoke(finished_at=MADE_AT, passed=30, others=(deferred,) if is_deferred else ())


def _scan() -> Scan:
    return Scan(
        finished_at=MADE_AT,
        newest=MADE_AT,
        findings={Urgency.OVERDUE: 1, Urgency.DUE: 2, Urgency.WAITING: 0, Urgency.ALLOWED: 0},
        problems=("CVE-2026-1 of peft is overdue",),
    )


def _deferred_bench() -> Bench:
    return Bench(
        finished_at=MADE_AT,
        host="here",
        against=None,
        metrics=(),
        others={"readiness": "deferred: needs gpu"},
    )


def _bench() -> Bench:
    latency = Metric(
        suite="latency/bert", name="batch=1", unit="s", median=5.25e-3, low=5e-3, high=5.5e-3
    )
    memory = Metric(
        suite="latency/bert", name="peak", unit="B", median=641e6, low=641e6, high=642e6
    )
    start = Metric(
        suite="readiness",
        name="import",
        unit="s",
        median=2.0,
        low=1.9,
        high=2.2,
        cost=(0.8, 0.85, 0.9),
        verdict=BenchVerdict.BETTER,
    )
    return Bench(
        finished_at=MADE_AT,
        host="here",
        against="the one before",
        metrics=(latency, memory, start),
        others={"compiled": "deferred: needs gpu"},
    )
