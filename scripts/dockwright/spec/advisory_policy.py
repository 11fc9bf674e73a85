"""buildspec/advisories.yml in; how old data may be, what must be fixed when, what is let pass, out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, StringConstraints, model_validator

from dockwright.errors import ManifestError
from dockwright.spec.model import Model, Sentence
from dockwright.spec.osv import PYPI
from dockwright.spec.parsing import parse
from dockwright.spec.records import Urgency
from dockwright.spec.severity import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from dockwright.spec.advisories import Finding

UNSCANNED = "unscanned"
"""Instead of an advisory's id: the package may go unscanned."""

AdvisoryUrl = Annotated[
    str,
    StringConstraints(
        pattern=r"^https://[A-Za-z0-9.-]+(:[0-9]+)?(/[A-Za-z0-9._~:%-]+)+$", max_length=500
    ),
]
AdvisoryId = Annotated[
    str, StringConstraints(pattern=rf"^({UNSCANNED}|[A-Z][A-Za-z]*(-[A-Za-z0-9:]+)+)$")
]
PackageName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9+.-]*$")]
Days = Annotated[int, Field(ge=0, le=3650)]


class Allowed(Model):
    """One advisory that one package is let pass with, for a while."""

    id: AdvisoryId
    package: PackageName
    reason: Sentence
    owner: Sentence
    expires: date
    """The last day that it counts."""

    def __str__(self) -> str:
        return f"{self.id} of {self.package}"


class AdvisoryPolicy(Model):
    """buildspec/advisories.yml: what `dockwright scan` scans against, and what it lets pass."""

    sources: Annotated[tuple[AdvisoryUrl, ...], Field(min_length=1)]
    max_age_days: Annotated[Days, Field(ge=1)]
    """The newest entry of each ecosystem is at most so old, or the data is stale."""
    fix_within_days: dict[Severity, Days]
    allowed: tuple[Allowed, ...] = ()

    @model_validator(mode="after")
    def _complete(self) -> AdvisoryPolicy:
        if missing := [s.value for s in Severity if s not in self.fix_within_days]:
            msg = f"fix_within_days says nothing of {', '.join(missing)}"
            raise ValueError(msg)
        said = [(allowed.id, allowed.package) for allowed in self.allowed]
        if twice := sorted({f"{i} of {p}" for i, p in said if said.count((i, p)) > 1}):
            msg = f"allowed twice: {', '.join(twice)}"
            raise ValueError(msg)
        return self


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """A finding, and what follows from it."""

    finding: Finding
    verdict: Urgency
    due: date
    """The last day to fix it, by its severity; an unknown one counts as the worst."""
    allowed: Allowed | None


def load(buildspec_path: Path) -> AdvisoryPolicy:
    """Read the policy; ManifestError lists every problem as `file:line: path: …`."""
    document, policy = parse(buildspec_path / "advisories.yml", AdvisoryPolicy)
    if policy is None:
        raise ManifestError("\n".join(str(problem) for problem in document.problems))
    return policy


def judge(finding: Finding, policy: AdvisoryPolicy, *, today: date) -> Judged:
    """Return what follows from a finding today."""
    days = policy.fix_within_days[finding.severity or Severity.CRITICAL]
    due = finding.published + timedelta(days=days)
    allowed = next(
        (a for a in policy.allowed if a.expires >= today and _is_about(a, finding)), None
    )
    if allowed is not None:
        verdict = Urgency.ALLOWED
    elif finding.fixed is None and finding.component.ecosystem != PYPI:
        verdict = Urgency.WAITING
    else:
        verdict = Urgency.OVERDUE if today > due else Urgency.DUE
    return Judged(finding=finding, verdict=verdict, due=due, allowed=allowed)


def may_go_unscanned(package: str, policy: AdvisoryPolicy, *, today: date) -> bool:
    """Tell whether the policy lets a package pass that nothing can be said about."""
    return any(
        a.id == UNSCANNED and a.package == package and a.expires >= today for a in policy.allowed
    )


def problems(
    policy: AdvisoryPolicy, findings: Iterable[Finding], unscanned: Iterable[str], *, today: date
) -> Iterator[str]:
    """Yield what is wrong with the list of what is let pass, given all that any image has."""
    every, unknown = tuple(findings), frozenset(unscanned)
    for allowed in policy.allowed:
        if allowed.expires < today:
            yield (
                f"{allowed} was allowed until {allowed.expires} ({allowed.owner}: "
                f"{allowed.reason}); fix it, or decide anew in buildspec/advisories.yml"
            )
        is_needed = (allowed.id == UNSCANNED and allowed.package in unknown) or any(
            _is_about(allowed, finding) for finding in every
        )
        if not is_needed:
            yield f"{allowed} is allowed but in no image; remove it from buildspec/advisories.yml"


def _is_about(allowed: Allowed, finding: Finding) -> bool:
    return allowed.package == finding.component.name and allowed.id in finding.ids
