"""The policy and the addresses of exports in; advisories that are fit to judge by, out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from dockwright.clients import advisory_data
from dockwright.errors import ScanError
from dockwright.spec import advisory_policy

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime
    from pathlib import Path

    from dockwright.clients.advisory_data import AdvisoryData
    from dockwright.spec.advisories import Component
    from dockwright.spec.advisory_policy import AdvisoryPolicy

SKEW = timedelta(days=1)
"""A clock may be wrong by so much before its time is no measure of age."""


@dataclass(kw_only=True, slots=True)
class AdvisorySource:
    """Exports, read whole when something is asked for, and again only when it is something else."""

    origins: Sequence[str]
    policy: AdvisoryPolicy
    now: datetime
    asked: frozenset[tuple[str, str]] = frozenset()
    data: AdvisoryData | None = None

    def about(self, components: Iterable[Component]) -> AdvisoryData:
        """Return advisories about components; ScanError where there is a hole or none is of today's."""
        every = tuple(components)
        keys = {component.key for component in every}
        if self.data is None or not keys <= self.asked:
            self.asked |= keys
            self.data = advisory_data.load(self.origins, self.asked)
        ecosystems = {component.ecosystem for component in every}
        require_fresh(self.data, ecosystems, self.policy, now=self.now)
        return self.data


def of(buildspec_path: Path, origins: Sequence[str] | None, now: datetime) -> AdvisorySource:
    """Return the source of some exports, else of those that the manifest names."""
    policy = advisory_policy.load(buildspec_path)
    return AdvisorySource(origins=origins or policy.sources, policy=policy, now=now)


def require_fresh(
    data: AdvisoryData, ecosystems: Iterable[str], policy: AdvisoryPolicy, *, now: datetime
) -> None:
    """Raise ScanError unless there is data of today's for each of the ecosystems."""
    problems = []
    for ecosystem in sorted(ecosystems):
        newest = data.newest.get(ecosystem)
        if newest is None:
            problems.append(f"no advisory is about {ecosystem}")
        elif newest > now + SKEW:
            problems.append(f"the newest of {ecosystem} is of {newest.date()}, which is to come")
        elif newest < now - timedelta(days=policy.max_age_days):
            problems.append(
                f"the newest of {ecosystem} is of {newest.date()}, "
                f"more than {policy.max_age_days} days ago"
            )
    if problems:
        read = ", ".join(export.origin for export in data.exports)
        msg = f"{'; '.join(problems)}: nothing is scanned against such data ({read}); get it anew"
        raise ScanError(msg)
