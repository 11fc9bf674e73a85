"""Variants' locks and advisories in; what is known against each image, judged, out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dockwright.spec import advisories, advisory_policy
from dockwright.spec.records import ExportRecord, FindingRecord, ScanRecord, Urgency

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import date, datetime

    from dockwright.clients.advisory_data import AdvisoryData, Export
    from dockwright.composition.components import Components
    from dockwright.spec.advisory_policy import AdvisoryPolicy, Judged


@dataclass(frozen=True, kw_only=True, slots=True)
class Scan:
    """What is known against one image."""

    identifier: str
    scanned: Mapping[str, int]
    """By ecosystem, how many packages were looked up."""
    judged: tuple[Judged, ...]
    """The worst first."""
    unscanned: Mapping[str, str]
    """Packages that were not looked up, with the reason; those let pass are not among them."""

    def of(self, verdict: Urgency) -> tuple[Judged, ...]:
        """Return the findings that were judged so."""
        return tuple(judged for judged in self.judged if judged.verdict is verdict)


def scan(
    found: Mapping[str, Components], data: AdvisoryData, policy: AdvisoryPolicy, *, today: date
) -> tuple[Scan, ...]:
    """Return what is known against each image, by its components."""
    return tuple(
        _scan(identifier, components, data, policy, today=today)
        for identifier, components in found.items()
    )


def _scan(
    identifier: str,
    found: Components,
    data: AdvisoryData,
    policy: AdvisoryPolicy,
    *,
    today: date,
) -> Scan:
    matches = advisories.match(found.known, data.entries)
    judged = [advisory_policy.judge(f, policy, today=today) for f in matches.findings]
    unscanned = {
        **found.unknown,
        **{component.name: reason for component, reason in matches.undecided.items()},
    }
    looked_up = [c for c in found.known if c not in matches.undecided]
    ecosystems = sorted({component.ecosystem for component in looked_up})
    return Scan(
        identifier=identifier,
        scanned={name: sum(c.ecosystem == name for c in looked_up) for name in ecosystems},
        judged=tuple(sorted(judged, key=_worst_first)),
        unscanned=dict(sorted(unscanned.items())),
    )


def problems(
    picked: Sequence[Scan], every: Iterable[Scan], policy: AdvisoryPolicy, *, today: date
) -> Iterator[str]:
    """Yield all that makes a scan of the picked images fail.

    `every` image of the manifest decides on what needs not be allowed any more.
    """
    for judged, images in by_image(picked).items():
        if judged.verdict is Urgency.OVERDUE:
            yield _overdue(judged, images)
    for scan in picked:
        for package, reason in scan.unscanned.items():
            if not advisory_policy.may_go_unscanned(package, policy, today=today):
                yield f"{scan.identifier}: {package} was not scanned: {reason}"
    everything = tuple(every)
    findings = [judged.finding for scan in everything for judged in scan.judged]
    unscanned = [package for scan in everything for package in scan.unscanned]
    yield from advisory_policy.problems(policy, findings, unscanned, today=today)


def by_image(scans: Sequence[Scan]) -> dict[Judged, list[str]]:
    """Return each finding with the identifiers of the images that have it, the worst first."""
    images: dict[Judged, list[str]] = {}
    for scan in scans:
        for judged in scan.judged:
            images.setdefault(judged, []).append(scan.identifier)
    return {judged: images[judged] for judged in sorted(images, key=_worst_first)}


def recorded(
    scan: Scan,
    digest: str,
    data: AdvisoryData,
    problems: Iterable[str],
    *,
    now: datetime,
    seconds: float,
) -> ScanRecord:
    """Return the record for the image of a digest, which was built from these very locks."""
    return ScanRecord(
        identifier=scan.identifier,
        digest=digest,
        finished_at=now.isoformat(timespec="seconds"),
        seconds=seconds,
        exports=tuple(map(export_record, data.exports)),
        scanned=dict(scan.scanned),
        unscanned=dict(scan.unscanned),
        findings=tuple(map(finding_record, scan.judged)),
        problems=tuple(problems),
    )


def export_record(export: Export) -> ExportRecord:
    """Return what was scanned against as it is recorded."""
    return ExportRecord(
        origin=export.origin,
        sha256=export.sha256,
        entries=export.entries,
        newest=export.newest.isoformat(timespec="seconds"),
    )


def finding_record(judged: Judged) -> FindingRecord:
    """Return a finding as it is recorded."""
    finding, allowed = judged.finding, judged.allowed
    reason = f"{allowed.owner}, until {allowed.expires}: {allowed.reason}" if allowed else None
    return FindingRecord(
        name=finding.name,
        ids=finding.ids,
        ecosystem=finding.component.ecosystem,
        package=finding.component.name,
        version=finding.component.version,
        fixed=finding.fixed,
        severity=finding.severity,
        published=finding.published.isoformat(),
        due=judged.due.isoformat(),
        verdict=judged.verdict,
        reason=reason,
    )


def _overdue(judged: Judged, images: Sequence[str]) -> str:
    finding = judged.finding
    component = finding.component
    remedy = "no version is fixed"
    if finding.fixed:
        remedy = f"take {finding.fixed} (`dockwright bump --security`)"
    return (
        f"{finding.name} ({finding.severity or 'not rated'}) in {component.name} "
        f"{component.version} was to be fixed by {judged.due}: {remedy}; in {', '.join(images)}"
    )


def _worst_first(judged: Judged) -> tuple[object, ...]:
    order = tuple(Urgency).index(judged.verdict)
    severity = judged.finding.severity
    rank = severity.rank if severity else 0
    return order, rank, judged.due, judged.finding.component, judged.finding.name
