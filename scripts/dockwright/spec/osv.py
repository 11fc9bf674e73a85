"""One entry of an OSV database in, as JSON; what of it decides on a package, checked, out.

The format is https://ossf.github.io/osv-schema/. What is not needed to match a version is passed
over, so that a newer schema can be read; what is needed and is not as it should be is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from packaging.utils import canonicalize_name
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from dockwright.errors import ScanError
from dockwright.spec import severity

if TYPE_CHECKING:
    from dockwright.spec.severity import Severity

PYPI = "PyPI"
GIT = "GIT"


class _Part(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="ignore", defer_build=True)


class Event(_Part):
    """A version at which something changes; one of these is set."""

    introduced: str | None = None
    fixed: str | None = None
    last_affected: str | None = None
    limit: str | None = None


class Range(_Part):
    """Versions between events; of type GIT they are commits, which no package has."""

    type: str
    events: tuple[Event, ...] = ()


class Score(_Part):
    """How bad it is, as a CVSS vector or in another system's words."""

    type: str
    score: str


class PackageName(_Part):
    """A package as an ecosystem calls it."""

    ecosystem: str
    name: str

    @property
    def key(self) -> tuple[str, str]:
        """Ecosystem and name, normalised as the ecosystem does."""
        name = canonicalize_name(self.name) if self.ecosystem == PYPI else self.name
        return self.ecosystem, name


class Affected(_Part):
    """Which versions of one package are affected."""

    package: PackageName | None = None
    ranges: tuple[Range, ...] = ()
    versions: tuple[str, ...] = ()
    severity: tuple[Score, ...] = ()
    ecosystem_specific: dict[str, Any] | None = None
    database_specific: dict[str, Any] | None = None


class Entry(_Part):
    """One advisory."""

    id: str = Field(min_length=1)
    modified: AwareDatetime
    published: AwareDatetime | None = None
    withdrawn: AwareDatetime | None = None
    aliases: tuple[str, ...] = ()
    upstream: tuple[str, ...] = ()
    """What a distribution's notice is about: not aliases, it may be about several."""
    summary: str = ""
    severity: tuple[Score, ...] = ()
    affected: tuple[Affected, ...] = ()
    database_specific: dict[str, Any] | None = None

    def of(self, key: tuple[str, str]) -> tuple[Affected, ...]:
        """Return what it says about a package."""
        return tuple(a for a in self.affected if a.package is not None and a.package.key == key)

    def severity_for(self, key: tuple[str, str]) -> Severity | None:
        """Return the worst that any score says; words only where no score can be computed."""
        about = self.of(key)
        scores = (*self.severity, *(score for a in about for score in a.severity))
        found = [severity.of_vector(score.type, score.score) for score in scores]
        if not any(found):
            specific = (self.database_specific, *(a.database_specific for a in about))
            found = [severity.of_word((facts or {}).get("severity")) for facts in specific]
            found += [severity.of_word((a.ecosystem_specific or {}).get("urgency")) for a in about]
        return min((s for s in found if s), key=lambda s: s.rank, default=None)


def loads(content: bytes, *, name: str) -> Entry:
    """Read an entry; ScanError when it is none."""
    try:
        return Entry.model_validate_json(content)
    except ValidationError as e:
        first = e.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        what = f"{where}: {first['msg']}" if where else first["msg"]
        msg = f"{name} is not an OSV entry ({what}); nothing is scanned against data with holes"
        raise ScanError(msg) from None
