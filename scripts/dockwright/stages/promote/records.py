"""An image in a registry in; what its checks and benchmarks leave open, or why it stays there, out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from dockwright.clients import evidence
from dockwright.errors import PolicyError, RecordError, SmokeError
from dockwright.spec import records
from dockwright.spec.bench_records import BenchRecord, BenchVerdict, SuiteStatus
from dockwright.spec.evidence import Kind
from dockwright.spec.records import SmokeRecord, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from dockwright.clients.evidence import Evidence
    from dockwright.clients.registry import Repository
    from dockwright.spec.bench_records import SuiteRecord
    from dockwright.spec.records import Record

    R = TypeVar("R", bound=Record)
    Trusted = Callable[[Repository, str], bool]
    """Tells whether the trusted key has signed what a digest names."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """The image, where it is promoted from."""

    name: str
    """Its identifier."""
    repository: Repository
    digest: str
    counts: Trusted
    """What nobody trusted has signed does not count, where that is required."""

    def __str__(self) -> str:
        return f"{self.name}: {self.repository}@{self.digest}"

    def newest(self, kind: Kind) -> Evidence | None:
        """Return the latest evidence of a kind that counts."""
        pieces = evidence.found(self.repository, self.digest, kind)
        return next((p for p in reversed(pieces) if self.counts(self.repository, p.digest)), None)


def smoke(image: Subject) -> list[str]:
    """Return the checks that were deferred; raise unless all others have passed."""
    record = _newest(image, Kind.SMOKE, SmokeRecord)
    if failed := [check.name for check in record.checks if check.status is Status.FAILED]:
        msg = f"{image.name}: {', '.join(failed)} failed on {image.digest}"
        raise SmokeError(msg)
    if not record.count(Status.PASSED):
        msg = (
            f"{image.name}: no check has passed on {image.digest}; run `dockwright smoke` and push "
            "again"
        )
        raise SmokeError(msg)
    return [check.name for check in record.checks if check.status is Status.DEFERRED]


def bench(image: Subject, replaced: Collection[str]) -> tuple[list[str], str]:
    """Return the suites that were deferred, and what the others say; raise unless it is no slower.

    `replaced` are the images that its names name in the target now: it must have been compared with
    one of them, and known to be no slower in every metric. Where there is none, it is the first of
    its line: that all was measured is enough, since there is nothing that it could be slower than.
    """
    record = _newest(image, Kind.BENCH, BenchRecord)
    if replaced and record.against not in replaced:
        msg = (
            f"{image.name}: its benchmark compares {image.digest} with {record.against or 'nothing'}"
            f", but it would replace {', '.join(sorted(replaced))}; run `dockwright bench "
            f"{image.name} --against` with that image, and push again"
        )
        raise PolicyError(msg)
    if problems := list(_slower(record)):
        msg = f"{image.name}: benchmarks of {image.digest}: " + "; ".join(problems)
        raise PolicyError(msg)
    deferred = [f"bench/{s.name}" for s in record.suites if s.status is SuiteStatus.DEFERRED]
    return deferred, _told(record)


def _slower(record: BenchRecord) -> Iterator[str]:
    """Yield what stands in the way, each with what to do."""
    if not record.suites:
        yield "nothing was measured; run `dockwright bench` and push again"
    for suite in record.suites:
        if suite.status in {SuiteStatus.FAILED, SuiteStatus.UNFINISHED}:
            yield f"{suite.name} is {suite.status}; run it again and push again"
        elif suite.status is SuiteStatus.MEASURED:
            yield from _slower_in(suite, is_compared=record.against is not None)


def _slower_in(suite: SuiteRecord, *, is_compared: bool) -> Iterator[str]:
    if not suite.metrics:
        yield f"{suite.name} measured nothing; run it again and push again"
    for metric in suite.metrics:
        if metric.verdict is BenchVerdict.WORSE:
            yield f"{suite.name}: {metric.name} is worse: {metric.reason}"
        elif metric.verdict is BenchVerdict.UNKNOWN and is_compared:
            yield (
                f"{suite.name}: whether {metric.name} is worse is unknown: {metric.reason}; run "
                f"`dockwright bench` with --suite '{suite.name}' and more --runs on a quiet host, and "
                "push again"
            )


def _told(record: BenchRecord) -> str:
    if record.against is None:
        return "the first of its line, so compared with nothing"
    return f"no slower than {record.against}"


def _newest(image: Subject, kind: Kind, model: type[R]) -> R:
    """Return the latest record of an image that counts."""
    piece = image.newest(kind)
    if piece is None:
        msg = (
            f"{image} has no {kind} record that counts; run `dockwright {kind} {image.name}` and "
            "push again"
        )
        raise RecordError(msg)
    try:
        record = records.loads(piece.content, model, of=image.digest)
    except RecordError as e:
        msg = f"{image.name}: the {kind} record beside {image.digest}: {e}"
        raise RecordError(msg) from None
    if record.identifier != image.name:
        msg = f"{image.name}: the {kind} record beside {image.digest} is of {record.identifier}"
        raise RecordError(msg)
    return record
