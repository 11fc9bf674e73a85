"""A number in; a catalogue of so many images that nobody built, varied in all that pages show, out."""

from __future__ import annotations

from itertools import islice, product
from typing import TYPE_CHECKING

from dockwright.spec.catalog import (
    SCHEMA_VERSION,
    Bench,
    Catalog,
    Check,
    Image,
    Layer,
    Metric,
    Scan,
    Smoke,
)
from dockwright.spec.records import Status, Urgency

if TYPE_CHECKING:
    from collections.abc import Iterator

MADE_AT = "2026-01-01T00:00:00+00:00"
COMMON = tuple(f"package-{n}=={n}.0" for n in range(60))


def catalog(count: int) -> Catalog:
    """Return `count` images; every fourth one was built, every eighth one's GPU checks deferred."""
    layers: dict[str, Layer] = {"sha256:base": _layer("base", 40, COMMON)}
    images = []
    for number, facts in enumerate(islice(_facts(), count)):
        image, own = _image(number, *facts)
        layers |= own
        images.append(image)
    return Catalog(
        schema_version=SCHEMA_VERSION, made_at=MADE_AT, layers=layers, images=tuple(images)
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


def _layer(name: str, megabytes: int, packages: tuple[str, ...]) -> Layer:
    return Layer(name=name, kind="wheels", size_bytes=megabytes * 1_000_000, packages=packages)


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
    is_built = number % 4 == 0
    tag = f"{version}-transformers{transformers}-{accelerator}"
    image = Image(
        identifier=f"{framework}-{tag}-{job}",
        title=f"{framework} {version} with Transformers {transformers}: {job} on {accelerator}",
        framework=framework,
        version=version,
        transformers=transformers,
        python="3.11",
        base="debian12",
        job=job,
        accelerator=accelerator,
        driver=None if accelerator == "cpu" else "580.65",
        repository=f"huggingface-{framework}-{job}",
        tag=tag,
        aliases=(),
        ga="2026-01-01",
        end_of_patch="2099-01-01",
        digest=f"sha256:{number:064x}" if is_built else None,
        pushed_to=f"registry.test/huggingface-{framework}-{job}" if is_built else None,
        size_bytes=261_000_000,
        unpacked_bytes=None,
        budget_bytes=300_000_000,
        layers=("sha256:base", *keys),
        smoke=_smoke(is_deferred=number % 8 == 0) if is_built else None,
        scan=_scan() if is_built else None,
        bench=_bench() if is_built else None,
    )
    return image, keys


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


def _bench() -> Bench:
    latency = Metric(
        suite="latency/bert", name="batch=1", unit="ms", median=5.25, low=5.0, high=5.5
    )
    return Bench(
        finished_at=MADE_AT,
        host="here",
        metrics=(latency,),
        others={"compiled": "deferred: needs gpu"},
    )
