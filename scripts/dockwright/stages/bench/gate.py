"""Records of benchmarks in; every reason that an image must not replace the other one out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dockwright.errors import BenchError
from dockwright.spec import records
from dockwright.spec.bench_records import BenchRecord, BenchVerdict, SuiteStatus
from dockwright.spec.records import BuildRecord

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from dockwright.spec.bench_records import SuiteRecord

GOOD = (BenchVerdict.BETTER, BenchVerdict.SAME)


def require(out_path: Path, required: Iterable[tuple[str, Sequence[str]]]) -> None:
    """Raise BenchError that names everything which stands against each image.

    `required` has an identifier and the suites that it must have been measured by. What is missing,
    empty, deferred, unfinished or unknown is as bad as what is worse.
    """
    problems = [
        f"{identifier}: {problem}"
        for identifier, suites in required
        for problem in problems_of(out_path, identifier, suites)
    ]
    if problems:
        msg = "not known to be as fast as what they replace:\n" + "\n".join(problems)
        raise BenchError(msg)


def problems_of(out_path: Path, identifier: str, suites: Sequence[str]) -> list[str]:
    """Return what stands against one image."""
    built = records.require_build(out_path, identifier)
    record = records.read(out_path, identifier, "bench", BenchRecord)
    if record is None:
        return [f"no benchmark; run `dockwright bench {identifier} --against …`"]
    if record.digest != built.digest:
        return [f"its benchmark is of another image, {record.digest}; run `dockwright bench` again"]
    if record.against is None:
        return ["it was compared with nothing; run `dockwright bench` with --against"]
    if record.against == record.digest:
        return ["it was compared with itself; run `dockwright bench` with --against another image"]
    found = list(_against(record, suites))
    if any(
        metric.verdict is BenchVerdict.WORSE for suite in record.suites for metric in suite.metrics
    ):
        found.append(changed_layers(out_path, built, record))
    return found


def _against(record: BenchRecord, suites: Sequence[str]) -> Iterator[str]:
    measured = {suite.name: suite for suite in record.suites}
    for name in suites:
        if name not in measured:
            yield f"{name}: missing"
    for suite in record.suites:
        yield from _against_suite(suite)


def _against_suite(suite: SuiteRecord) -> Iterator[str]:
    if suite.status is not SuiteStatus.MEASURED:
        yield f"{suite.name}: {suite.status}: {suite.detail.partition(chr(10))[0]}"
    elif not suite.metrics:
        yield f"{suite.name}: empty"
    for metric in suite.metrics:
        if metric.verdict not in GOOD:
            yield f"{suite.name}: {metric.name}: {metric.verdict}: {metric.reason}"


def changed_layers(out_path: Path, new: BuildRecord, record: BenchRecord) -> str:
    """Say which layers differ between the two images: one of them made the difference."""
    old = _build_of(out_path, record)
    if old is None:
        return f"which layer did it is unknown: {record.against} has no build record here"
    before = {layer.name: layer.digest for layer in old.layers}
    after = {layer.name: layer.digest for layer in new.layers}
    words = [
        *(f"{name} changed" for name in after if name in before and before[name] != after[name]),
        *(f"{name} came" for name in after if name not in before),
        *(f"{name} went" for name in before if name not in after),
    ]
    return f"layers: {', '.join(words) or 'all equal; only the configuration differs'}"


def _build_of(out_path: Path, record: BenchRecord) -> BuildRecord | None:
    """Return how the other image was built, if its record still speaks of it."""
    if record.against_identifier is None:
        return None
    old = records.read(out_path, record.against_identifier, "build", BuildRecord)
    return old if old is not None and old.digest == record.against else None
