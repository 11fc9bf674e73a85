"""What promotions have done to a release's tags: the journal that lies in the registry itself."""

from __future__ import annotations

import json
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from dockwright.spec.evidence import EMPTY, EMPTY_TYPE
from dockwright.spec.image import OCI_MANIFEST_TYPE, sha256

REPOSITORY = "dockwright-journal"
"""Beside the images' repositories; with one tag per release."""
TYPE = "application/vnd.dockwright.journal.v1+json"
KEPT = 100
"""Entries of one release: its next promotion forgets older ones."""


class State(StrEnum):
    """How far a promotion came."""

    BEGUN = "begun"
    DONE = "done"
    UNDOING = "undoing"
    UNDONE = "undone"


class Part(BaseModel):
    """Base of the journal's parts."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", defer_build=True)


class Change(Part):
    """One tag that a promotion moves."""

    repository: str
    """Below the registry's path."""
    tag: str
    before: str | None
    """The digest that it named until then, if it was there."""
    after: str


class Entry(Part):
    """One promotion of a release."""

    id: str
    state: State
    begun_at: str
    by: str
    source: str
    """The place that the images came from."""
    changes: tuple[Change, ...]
    bench: dict[str, str] = Field(default_factory=dict)
    """By identifier, what benchmarks said of the images, where the registry asks for them."""

    def __str__(self) -> str:
        return f"promotion {self.id} from {self.source}, begun at {self.begun_at} by {self.by}"


class Journal(Part):
    """All promotions of one release, the oldest first."""

    release: str
    entries: tuple[Entry, ...] = ()

    def with_entry(self, entry: Entry) -> Journal:
        """Return the journal with an entry added, or put in the place of its earlier state."""
        ids = [other.id for other in self.entries]
        if entry.id not in ids:
            return self.model_copy(update={"entries": (*self.entries, entry)[-KEPT:]})
        at = ids.index(entry.id)
        entries = (*self.entries[:at], entry, *self.entries[at + 1 :])
        return self.model_copy(update={"entries": entries})

    def newest(self, *states: State) -> Entry | None:
        """Return the latest entry that is in one of the states."""
        return next((e for e in reversed(self.entries) if e.state in states), None)

    @property
    def content(self) -> bytes:
        """The bytes that travel."""
        return (self.model_dump_json(indent=1) + "\n").encode()


def manifest(content: bytes) -> bytes:
    """Return the OCI manifest of a journal's bytes."""
    empty = {"mediaType": EMPTY_TYPE, "digest": sha256(EMPTY), "size": len(EMPTY)}
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST_TYPE,
        "artifactType": TYPE,
        "config": empty,
        "layers": [{"mediaType": TYPE, "digest": sha256(content), "size": len(content)}],
    }
    return json.dumps(document, separators=(",", ":")).encode()
