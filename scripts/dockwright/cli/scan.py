"""`dockwright scan`: known vulnerabilities of what images hold."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dockwright import console
from dockwright.cli.common import Advisories, Globs, Json, here, load
from dockwright.errors import ScanError
from dockwright.spec import records, selector
from dockwright.spec.records import Urgency

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dockwright.clients.advisory_data import AdvisoryData
    from dockwright.spec.advisory_policy import Judged
    from dockwright.spec.variants import Variant
    from dockwright.stages.scan import Scan
    from dockwright.workspace import Workspace


def scan(
    globs: Globs = None,
    *,
    advisories: Advisories = None,
    as_json: Json = False,
) -> None:
    """Look for known vulnerabilities of images' Python packages and Debian updates not taken.

    What is scanned is the locks; the result is recorded for images that were built from them.
    """
    from dockwright.composition import advisory_source, components  # noqa: PLC0415 - slow to import
    from dockwright.stages import scan as stage  # noqa: PLC0415 - likewise

    started, now = time.monotonic(), datetime.now(UTC)
    ws = here()
    every = load(ws).variants
    picked = selector.pick(every, globs or [])
    source = advisory_source.of(ws.buildspec_path, advisories, now)
    policy = source.policy
    found = components.by_image(ws, every)
    data = source.about(components.together(found.values()).known)
    scans = {one.identifier: one for one in stage.scan(found, data, policy, today=now.date())}
    chosen = [scans[variant.identifier] for variant in picked]
    digests = _digests(ws, picked)
    seconds = round(time.monotonic() - started, 1)
    for one in chosen:
        if digest := digests.get(one.identifier):
            problems = stage.problems([one], scans.values(), policy, today=now.date())
            record = stage.recorded(one, digest, data, problems, now=now, seconds=seconds)
            records.write(ws.out_path, "scan", record)
    if as_json:
        _json(chosen, digests, data)
    else:
        _show(chosen, digests, data)
    if wrong := tuple(stage.problems(chosen, scans.values(), policy, today=now.date())):
        raise ScanError("\n".join(wrong))


def _digests(ws: Workspace, variants: Sequence[Variant]) -> dict[str, str]:
    """Return the digests of images that were built from today's locks: of others nothing is said."""
    from dockwright.stages.plan import forecast  # noqa: PLC0415 - slow to import

    return {
        f.record.identifier: f.record.digest
        for f in forecast(ws, variants)
        if f.record is not None and f.is_current and not f.record.is_base_drifted
    }


def _show(scans: Sequence[Scan], digests: Mapping[str, str], data: AdvisoryData) -> None:
    from dockwright.stages.scan import by_image  # noqa: PLC0415 - slow to import

    if rows := [_row(judged, len(images)) for judged, images in by_image(scans).items()]:
        header = ("ADVISORY", "SEVERITY", "PACKAGE", "VERSION", "FIXED IN", "VERDICT", "IMAGES")
        console.table(header, rows)
        console.out("")
    console.table(
        (
            "IDENTIFIER",
            "PACKAGES",
            *(verdict.upper() for verdict in Urgency),
            "UNSCANNED",
            "DIGEST",
        ),
        [
            (
                one.identifier,
                str(sum(one.scanned.values())),
                *(str(len(one.of(verdict))) for verdict in Urgency),
                str(len(one.unscanned)),
                digests.get(one.identifier, "not built from these locks"),
            )
            for one in scans
        ],
    )
    for export in data.exports:
        console.out(
            f"against {export.entries} advisories of {export.origin}, "
            f"the newest of {export.newest.date()}, sha256:{export.sha256}"
        )


def _row(judged: Judged, images: int) -> tuple[str, ...]:
    finding, allowed = judged.finding, judged.allowed
    until = {
        Urgency.OVERDUE: f"since {judged.due}",
        Urgency.DUE: f"by {judged.due}",
        Urgency.WAITING: "for an update",
        Urgency.ALLOWED: f"until {allowed.expires}" if allowed else "",
    }
    return (
        finding.name,
        finding.severity or "not rated",
        finding.component.name,
        finding.component.version,
        finding.fixed or "-",
        f"{judged.verdict} {until[judged.verdict]}",
        str(images),
    )


def _json(scans: Sequence[Scan], digests: Mapping[str, str], data: AdvisoryData) -> None:
    from dockwright.stages.scan import export_record, finding_record  # noqa: PLC0415 - slow to import

    console.out_json(
        {
            "exports": [export_record(export).model_dump(mode="json") for export in data.exports],
            "images": [
                {
                    "identifier": one.identifier,
                    "digest": digests.get(one.identifier),
                    "scanned": dict(one.scanned),
                    "unscanned": dict(one.unscanned),
                    "findings": [finding_record(j).model_dump(mode="json") for j in one.judged],
                }
                for one in scans
            ],
        }
    )
