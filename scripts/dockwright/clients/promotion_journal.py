"""A registry's journal repository in; a release's journal, read or written and read back, out.

Registries have no compare-and-swap. So whoever writes looks whose journal is there afterwards, and
again before every tag that it moves: of two managers at once, the one whose entry is gone stops.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import ValidationError

from dockwright.clients import registry_upload
from dockwright.errors import BusyError, RecordError
from dockwright.spec import journal
from dockwright.spec.evidence import EMPTY
from dockwright.spec.image import OCI_MANIFEST_TYPE, sha256
from dockwright.spec.journal import Journal

if TYPE_CHECKING:
    from dockwright.clients.registry import Repository
    from dockwright.spec.journal import Entry


@dataclass(frozen=True, kw_only=True, slots=True)
class Held:
    """A journal as we wrote it: ours as long as the registry has it."""

    repository: Repository
    journal: Journal
    entry: Entry
    digest: str

    def require(self) -> None:
        """Raise BusyError when another manager has written the journal since."""
        if self.repository.manifest_digest(self.journal.release) != self.digest:
            raise _busy(self.repository, self.journal.release)


def read(repository: Repository, release: str) -> Journal:
    """Return a release's journal; an empty one before its first promotion."""
    manifest = repository.get_manifest(release)
    if manifest is None:
        return Journal(release=release)
    content = repository.read_blob(manifest.document["layers"][0]["digest"])
    try:
        found = Journal.model_validate_json(content)
    except ValidationError as e:
        msg = f"{repository}:{release} is no journal of this version ({e.error_count()} problems)"
        raise RecordError(msg) from None
    return found


def write(repository: Repository, before: Journal, entry: Entry) -> Held:
    """Write an entry to a journal that was read before; BusyError when another did so, too."""
    after = before.with_entry(entry)
    content = after.content
    for blob in (content, EMPTY):
        registry_upload.put(repository, blob)
    if read(repository, before.release) != before:  # last: whoever writes after this is not seen
        raise _busy(repository, before.release)
    manifest = journal.manifest(content)
    repository.put_manifest(before.release, manifest, OCI_MANIFEST_TYPE)
    held = Held(repository=repository, journal=after, entry=entry, digest=sha256(manifest))
    held.require()
    return held


def _busy(repository: Repository, release: str) -> BusyError:
    entries = read(repository, release).entries
    who = f"{entries[-1]}" if entries else "another"
    msg = (
        f"{repository}:{release}: another manager is at it ({who}); wait for them, see what "
        "they did, and run this again"
    )
    return BusyError(msg)
