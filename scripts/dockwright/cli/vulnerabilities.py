"""What a change does about known vulnerabilities, as bumps and changelogs show it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from dockwright import console
from dockwright.composition import vulnerabilities
from dockwright.composition.vulnerabilities import Fate
from dockwright.stages.scan import export_record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dockwright.clients.advisory_data import AdvisoryData
    from dockwright.composition.advisory_source import AdvisorySource
    from dockwright.composition.vulnerabilities import Comparison, Pair, Vulnerability

NOT_LOOKED_AT = "not looked at: no advisory data; --advisories says where it is"


@dataclass(frozen=True, kw_only=True, slots=True)
class Looked:
    """What was found, and against what."""

    comparison: Comparison
    data: AdvisoryData

    @property
    def against(self) -> str:
        exports = self.data.exports
        read = ", ".join(f"{export.origin} of {export.newest.date()}" for export in exports)
        return f"against {sum(export.entries for export in exports)} advisories, {read}"


def look(source: AdvisorySource, pairs: Sequence[Pair]) -> Looked:
    """Compare releases before and after."""
    data = source.about(component for pair in pairs for component in pair.components)
    return Looked(comparison=vulnerabilities.compare(pairs, data.entries), data=data)


def show(looked: Looked | None) -> None:
    """Show it to people."""
    if looked is None:
        console.out(f"vulnerabilities: {NOT_LOOKED_AT}")
        return
    found = looked.comparison.releases
    counts = [f"{sum(one.fate is fate for one in found)} {fate}" for fate in Fate]
    console.out(f"vulnerabilities: {', '.join(counts)}, {looked.against}")
    if found:
        header = ("  ADVISORY", "SEVERITY", "PACKAGE", "BEFORE", "AFTER", "", "RELEASES")
        rows = [_row(one, len(releases)) for one, releases in found.items()]
        console.table(header, [(f"  {name}", *rest) for name, *rest in rows])
    for package, why in looked.comparison.unscanned.items():
        console.out(f"{package} was not looked up: {why}")


def markdown(looked: Looked | None) -> None:
    """Show it as Markdown, as a changelog has it."""
    console.out("## Vulnerabilities\n")
    if looked is None:
        console.out(f"- {NOT_LOOKED_AT}")
        return
    found = looked.comparison.releases
    if found:
        console.out("| advisory | severity | package | before | after | | releases |")
        console.out("| --- | --- | --- | --- | --- | --- | --- |")
        for one, releases in found.items():
            console.out(f"| {' | '.join(_row(one, len(releases)))} |")
        console.out("")
    for package, why in looked.comparison.unscanned.items():
        console.out(f"- {package} was not looked up: {why}")
    console.out(f"- {len(found)} {looked.against}")


def as_data(looked: Looked | None) -> dict[str, Any] | None:
    """Return it for programs; None where nothing was looked at."""
    if looked is None:
        return None
    return {
        "exports": [export_record(e).model_dump(mode="json") for e in looked.data.exports],
        "vulnerabilities": [
            {**asdict(one), "releases": releases}
            for one, releases in looked.comparison.releases.items()
        ],
        "unscanned": dict(looked.comparison.unscanned),
    }


def _row(one: Vulnerability, releases: int) -> tuple[str, ...]:
    fix = f", fixed in {one.fixed_in}" if one.fixed_in else ""
    return (
        one.name,
        one.severity or "not rated",
        one.package,
        one.before or "-",
        one.after or "-",
        f"{one.fate}{fix}",
        str(releases),
    )
