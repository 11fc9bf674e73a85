"""What was measured on an image, and what it says beside another one: the record of `bench`."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from dockwright.spec.records import Record


class BenchVerdict(StrEnum):
    """What a comparison with another image says of one metric."""

    BETTER = "better"
    SAME = "same"
    WORSE = "worse"
    UNKNOWN = "unknown"
    """Not enough was measured to tell, or it scattered too much; never as good as `same`."""


class SuiteStatus(StrEnum):
    """How far a suite of benchmarks came; only `measured` has metrics that count."""

    MEASURED = "measured"
    FAILED = "failed"
    DEFERRED = "deferred"
    """It needs what the host does not have: a GPU."""
    UNFINISHED = "unfinished"
    """Its run was ended, by Ctrl-C or worse, before the last sample."""


class Interval(BaseModel):
    """A median and the bounds between which it is, with 95 % confidence."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", defer_build=True)

    median: float
    low: float
    high: float


class MetricRecord(BaseModel):
    """One metric of an image and, where there was one to compare with, of the other image."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", defer_build=True)

    name: str
    """What is measured and how, such as `latency fp32 batch=1`."""
    unit: str
    value: Interval
    starts: int
    """Of containers that gave samples."""
    against: Interval | None = None
    cost: Interval | None = None
    """New by old, turned so that more than 1 is worse whatever the metric."""
    p_value: float | None = None
    """How often equal images would differ as much."""
    effect: float | None = None
    """The least change that counts here: 0.05 is five percent."""
    verdict: BenchVerdict
    reason: str


class SuiteRecord(BaseModel):
    """One suite of benchmarks on one image."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", defer_build=True)

    name: str
    """`<suite>/<model>`, or the suite alone."""
    status: SuiteStatus
    detail: str
    metrics: tuple[MetricRecord, ...] = ()


class BenchRecord(Record):
    """What was measured on an image; `digest` is the measured image's."""

    host: str
    against: str | None
    """Digest of the image that it was compared with, if any; its own in an A/A run."""
    against_identifier: str | None
    suites_sha256: str | None = None
    """Of the workloads and what runs them: others would have to be run. None where it is unknown."""
    starts: int | None = None
    """Of containers, that each suite was asked to make of each image."""
    suites: tuple[SuiteRecord, ...]

    def count(self, verdict: BenchVerdict) -> int:
        """Return how many metrics have this verdict."""
        return sum(m.verdict is verdict for suite in self.suites for m in suite.metrics)
