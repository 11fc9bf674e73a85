"""Samples, records and lines that tests of benchmarks start from."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from dockwright.spec.bench import SCHEMA, Better, GpuReading, HostLine, SampleSet
from dockwright.spec.bench_records import (
    BenchRecord,
    BenchVerdict,
    Interval,
    MetricRecord,
    SuiteRecord,
    SuiteStatus,
)
from dockwright.spec.records import BuildRecord, LayerRecord

if TYPE_CHECKING:
    from collections.abc import Sequence

NEW, OLD = "sha256:" + "a" * 64, "sha256:" + "b" * 64
IDENTIFIER = "pytorch-2"
IDLE_GPU = GpuReading(
    name="A10",
    driver="580.95.05",
    sm_mhz=1600,
    sm_max_mhz=1700,
    memory_mhz=6250,
    power_w=60.0,
    power_limit_w=150.0,
    temperature_c=40,
    throttle_reasons=1,
    ecc_errors=0,
    processes=0,
    utilization_percent=0,
)
HOST = HostLine(
    dockwright=SCHEMA,
    kind="host",
    cpu="a processor",
    cpu_mhz=2000.0,
    cpus=2,
    load=0.5,
    running=1,
    available_bytes=10**9,
    gpus=(),
    wall_s=1.0,
)


def sample_set(
    values: Sequence[float],
    *,
    digest: str = NEW,
    against: str | None = OLD,
    is_reference: bool = False,
    better: Better = Better.LOWER,
    run: str = "1",
    metric: str = "step",
    unit: str = "s",
    takes_turns: bool = True,
) -> SampleSet:
    """Return one with a start per value."""
    return SampleSet(
        dockwright=SCHEMA,
        run=run,
        takes_turns=takes_turns,
        at=f"2026-11-26T12:00:0{run[-1]}+00:00",
        identifier=IDENTIFIER,
        digest=digest,
        against=against,
        is_reference=is_reference,
        lock_sha256=None,
        host="local",
        engine="26.1.5",
        facts=HOST,
        loads=tuple(0.5 for _ in values),
        workloads_sha256="e" * 64,
        suite="training/vit",
        metric=metric,
        unit=unit,
        better=better,
        items=None,
        item=None,
        starts=tuple((value,) for value in values),
    )


def metric(verdict: BenchVerdict, name: str = "step") -> MetricRecord:
    """Return a compared metric with this verdict."""
    value = Interval(median=1.0, low=0.9, high=1.1)
    return MetricRecord(
        name=name,
        unit="s",
        value=value,
        starts=5,
        against=value,
        cost=value,
        p_value=0.5,
        effect=0.05,
        verdict=verdict,
        reason="as told",
    )


def suite(*verdicts: BenchVerdict, status: SuiteStatus = SuiteStatus.MEASURED) -> SuiteRecord:
    """Return a suite with a metric per verdict."""
    metrics = tuple(metric(verdict, f"metric {n}") for n, verdict in enumerate(verdicts))
    return SuiteRecord(name="training/vit", status=status, detail="as told", metrics=metrics)


def bench_record(*suites: SuiteRecord, against: str | None = OLD, digest: str = NEW) -> BenchRecord:
    """Return what a run recorded."""
    return BenchRecord(
        identifier=IDENTIFIER,
        digest=digest,
        finished_at="2026-11-26T12:00:00+00:00",
        seconds=60.0,
        host="local",
        against=against,
        against_identifier="pytorch-1" if against else None,
        suites=suites,
    )


def build_record(identifier: str, digest: str, layers: dict[str, str]) -> BuildRecord:
    """Return what a build recorded; layers by name."""
    return BuildRecord(
        identifier=identifier,
        digest=digest,
        finished_at="2026-11-26T11:00:00+00:00",
        seconds=1.0,
        reference=f"{identifier}:1",
        builder="buildkit",
        inputs_sha256="c" * 64,
        base_digest="sha256:" + "d" * 64,
        is_base_drifted=False,
        media_type="x",
        layers=tuple(LayerRecord(name=n, digest=d, size_bytes=1) for n, d in layers.items()),
        size_bytes=len(layers),
    )


def printed(kind: str, **facts: object) -> str:
    """Return a line as a workload prints it."""
    return json.dumps({"dockwright": SCHEMA, "kind": kind, **facts}) + "\n"


def result(values: Sequence[float] = (1.0, 2.0), metric: str = "step") -> str:
    """Return a samples line as a workload prints it."""
    return printed("samples", metric=metric, unit="s", better="lower", values=list(values))


HOST_PRINTED = HOST.model_dump_json() + "\n"
ENDED = printed("ended", monotonic_s=5.0, wall_s=5.1)
