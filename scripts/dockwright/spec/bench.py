"""What benchmarks say, as data: the lines that workloads print, and the history's lines made of them."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

SCHEMA: Final = 2
"""Of workloads' lines and of history's; another number is another shape."""
Finite = Annotated[float, Field(allow_inf_nan=False)]


class Better(StrEnum):
    """Which way a metric gets better."""

    LOWER = "lower"
    HIGHER = "higher"


class Line(BaseModel):
    """Base of everything that is a line of JSON."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", defer_build=True)

    dockwright: Literal[2]
    """The schema: `SCHEMA`."""


class GpuReading(BaseModel):
    """What NVML says of one GPU; None where it does not tell."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", defer_build=True)

    name: str | None
    driver: str | None
    sm_mhz: int | None
    sm_max_mhz: int | None
    memory_mhz: int | None
    power_w: Finite | None
    power_limit_w: Finite | None
    temperature_c: int | None
    throttle_reasons: int | None
    """NVML's bits; see stages/bench/gpu.py."""
    ecc_errors: int | None
    """Uncorrected, since the driver was loaded."""
    processes: int | None
    utilization_percent: int | None


class HostLine(Line):
    """The host just before a workload starts."""

    kind: Literal["host"]
    cpu: str
    cpu_mhz: Finite | None
    cpus: int
    """That the container may use."""
    load: Finite
    """Of the last minute, other programs' included."""
    running: int
    available_bytes: int
    gpus: tuple[GpuReading, ...]
    wall_s: Finite


class StartedLine(Line):
    """The workload's first word."""

    kind: Literal["started"]


class SamplesLine(Line):
    """Samples of one metric, of one start."""

    kind: Literal["samples"]
    metric: Annotated[str, Field(min_length=1, max_length=80)]
    unit: str
    better: Better
    values: Annotated[tuple[Finite, ...], Field(min_length=1)]
    items: int | None = None
    item: str | None = None
    """Each sample dealt with so many of these: 256 and `tokens`."""


class TurnLine(Line):
    """The workload waits until it is told to measure on: the other image has its turn first."""

    kind: Literal["turn"]
    section: int
    """Which of its metrics that are measured in bursts, counted from 0."""
    burst: int


class NeedsLine(Line):
    """The workload cannot run here for want of something; not a failure, and no result."""

    kind: Literal["needs"]
    what: str


class EndedLine(Line):
    """The workload's last word: how long it took by either clock."""

    kind: Literal["ended"]
    monotonic_s: Finite
    wall_s: Finite


class FailedLine(Line):
    """The workload failed, where it was run without us."""

    kind: Literal["failed"]
    detail: str


class OfLine(Line):
    """Whose lines follow, in what was printed elsewhere and is imported."""

    kind: Literal["of"]
    digest: str
    suite: str
    start: int
    workloads_sha256: str


AnyLine = Annotated[
    HostLine | StartedLine | SamplesLine | TurnLine | NeedsLine | EndedLine | FailedLine | OfLine,
    Field(discriminator="kind"),
]
LINE: TypeAdapter[AnyLine] = TypeAdapter(AnyLine)


class SampleSet(Line):
    """One metric of one image in one run, all its starts: a line of the history."""

    run: str
    """Of all sample sets that were measured together."""
    takes_turns: bool
    """With the other image: its n-th sample was measured right beside this one's n-th."""
    at: str
    """UTC, ISO 8601."""
    identifier: str
    digest: str
    against: str | None
    """The digest that was measured in turns with this one; its own in an A/A run."""
    is_reference: bool
    """It is the other image of the comparison, or the second half of an A/A run."""
    lock_sha256: str | None
    """Of the build's inputs, where it was built here."""
    host: str
    engine: str
    """Its version."""
    facts: HostLine
    """Before the first start."""
    loads: tuple[Finite, ...]
    """Before each start."""
    workloads_sha256: str
    """What measured; another one's figures are not comparable."""
    suite: str
    metric: str
    unit: str
    better: Better
    items: int | None
    item: str | None
    starts: Annotated[tuple[tuple[Finite, ...], ...], Field(min_length=1)]
    """The samples of each container start."""
