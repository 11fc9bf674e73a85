"""`dockwright doctor`: what is here, what is missing, and the command that mends it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from dockwright import console
from dockwright.cli.common import Json, here
from dockwright.errors import DockwrightError

if TYPE_CHECKING:
    from dockwright.stages.doctor import Finding


def doctor(*, as_json: Json = False) -> None:
    """Look over this machine; fail when something that a build needs is missing."""
    from dockwright.stages import doctor as stage  # noqa: PLC0415 - its clients are slow to import

    findings = stage.examine(here())
    if as_json:
        console.out_json([asdict(finding) for finding in findings])
    else:
        _show(findings)
    missing = [finding.name for finding in findings if finding.state is stage.State.MISSING]
    if missing:
        msg = f"a build would fail here; missing: {', '.join(missing)}"
        raise DockwrightError(msg)


def _show(findings: tuple[Finding, ...]) -> None:
    console.table(
        ("", "WHAT", "FINDING"), ((str(f.state), f.name, f.what.splitlines()[0]) for f in findings)
    )
    for finding in findings:
        if finding.remedy:
            console.say(f"{finding.name}: {finding.remedy}")
