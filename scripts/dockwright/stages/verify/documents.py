"""The subject in; lines on what can be told without reading a layer out."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from dockwright.clients import cosign, publication, trust
from dockwright.errors import RecordError
from dockwright.spec import records
from dockwright.spec.bench_records import BenchRecord, BenchVerdict, SuiteStatus
from dockwright.spec.evidence import Kind
from dockwright.spec.image import LAYER_TYPE, MANIFEST_TYPE
from dockwright.spec.provenance import BUILDER
from dockwright.spec.records import BuildRecord, ScanRecord, SmokeRecord, Status
from dockwright.stages.verify.verdict import absent, failed, passed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dockwright.stages.verify.subject import Subject
    from dockwright.stages.verify.verdict import Line

END_OF_PATCH = "dockwright.end-of-patch"


def manifest(subject: Subject) -> Line:
    """Tell whether SageMaker takes the image."""
    actual = subject.manifest.media_type
    if actual != MANIFEST_TYPE:
        return failed("manifest", f"it is a {actual}; SageMaker takes only {MANIFEST_TYPE}")
    if odd := {layer["mediaType"] for layer in subject.layers} - {LAYER_TYPE}:
        return failed("manifest", f"layers are {', '.join(sorted(odd))}, not {LAYER_TYPE}")
    return passed("manifest", f"one Docker schema 2 manifest of {len(subject.layers)} gzip layers")


def signature(subject: Subject) -> Line:
    """Tell whether the image itself is signed by who is trusted."""
    problem = trust.problem(subject.repository, subject.digest, subject.verifies)
    if problem is None:
        return passed("signature", f"a trusted signature stands for {subject.digest}")
    is_absent = problem in {trust.NO_KEY, cosign.NO_SIGNATURE}
    return (absent if is_absent else failed)("signature", problem)


def provenance(subject: Subject) -> Line:
    """Tell what built the image, from which commit and on which base."""
    signed = subject.signed(Kind.PROVENANCE)
    if signed.piece is None:
        return absent("provenance", signed.note or "none is attached")
    statement = subject.statement
    builder = statement.predicate.run.builder.id
    if not builder.startswith(BUILDER):
        return failed("provenance", f"{builder} is no builder of ours")
    here = {layer["digest"] for layer in subject.layers}
    if missing := [name for name, digest in statement.base_layers.items() if digest not in here]:
        return failed("provenance", f"the image lacks the layers {', '.join(missing)} it names")
    return passed("provenance", f"by {builder}", f"from {statement.source}", signed.note)


def build(subject: Subject) -> Line:
    """Tell what the record of the build says."""
    signed = subject.signed(Kind.BUILD)
    if signed.piece is None:
        return absent("build", signed.note or "no record is attached")
    record = records.loads(signed.piece.content, BuildRecord, of=subject.digest)
    if [layer.digest for layer in record.layers] != [layer["digest"] for layer in subject.layers]:
        return failed("build", "the signed record tells of other layers")
    return passed("build", f"{record.identifier} on {record.finished_at}", signed.note)


def smoke(subject: Subject) -> Line:
    """Tell how the checks of this very image ended."""
    signed = subject.signed(Kind.SMOKE)
    if signed.piece is None:
        return absent("smoke", signed.note or "no record is attached")
    record = records.loads(signed.piece.content, SmokeRecord, of=subject.digest)
    counts = ", ".join(f"{record.count(status)} {status}" for status in Status)
    deferred = [check.name for check in record.checks if check.status is Status.DEFERRED]
    bad = [check.name for check in record.checks if check.status is Status.FAILED]
    told = (f"deferred: {', '.join(deferred)}" if deferred else "", signed.note)
    if bad or not record.checks:
        return failed("smoke", counts, f"failed: {', '.join(bad) or 'nothing was checked'}", *told)
    return passed("smoke", f"{counts} on {record.finished_at}", *told)


def bench(subject: Subject) -> Line:
    """Tell how the benchmarks of this very image ended."""
    signed = subject.signed(Kind.BENCH)
    if signed.piece is None:
        return absent("bench", signed.note or "no report is attached")
    record = records.loads(signed.piece.content, BenchRecord, of=subject.digest)
    counts = ", ".join(f"{record.count(v)} {v}" for v in BenchVerdict if record.count(v))
    told = f"{counts} than {record.against}" if record.against else "compared with nothing"
    deferred = [suite.name for suite in record.suites if suite.status is SuiteStatus.DEFERRED]
    waits = f"deferred: {', '.join(deferred)}" if deferred else ""
    bad = list(_slower(record))
    line = failed if bad else passed
    return line("bench", told, *bad, f"measured on {record.finished_at}", waits, signed.note)


def _slower(record: BenchRecord) -> Iterator[str]:
    for suite in record.suites:
        if suite.status in {SuiteStatus.FAILED, SuiteStatus.UNFINISHED}:
            yield f"{suite.name} is {suite.status}"
        for metric in suite.metrics:
            if metric.verdict is BenchVerdict.WORSE:
                yield f"{suite.name}: {metric.name} is worse: {metric.reason}"


def scan(subject: Subject) -> Line:
    """Tell how the scan for known vulnerabilities of this very image ended."""
    signed = subject.signed(Kind.SCAN)
    if signed.piece is None:
        return absent("scan", signed.note or "no report is attached")
    record = records.loads(signed.piece.content, ScanRecord, of=subject.digest)
    told = f"{len(record.findings)} known vulnerabilities on {record.finished_at}"
    if record.problems:
        return failed("scan", told, *record.problems, signed.note)
    return passed("scan", told, signed.note)


def yank(subject: Subject) -> Line:
    """Tell whether the image was withdrawn; a yank counts unsigned too, since it only warns."""
    found = publication.yank_of(subject.repository, subject.digest)
    if found is None:
        return passed("yank", "it is not withdrawn")
    return failed("yank", f"it was {found}")


def support(subject: Subject, today: date) -> Line:
    """Tell whether the image's release still gets patches."""
    label = subject.config.get("config", {}).get("Labels", {}).get(END_OF_PATCH)
    if label is None:
        return absent("support", f"the image has no label {END_OF_PATCH}")
    try:
        end = date.fromisoformat(label)
    except ValueError:
        msg = f"the label {END_OF_PATCH} is {label!r}, which is no date"
        raise RecordError(msg) from None
    if end < today:
        return failed("support", f"its release has had no patches since {end}; take a newer one")
    return passed("support", f"its release is patched until {end}")
