"""What a registry is told of an image beside its records: which names it may have, and why not."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, TypeVar

from packaging.version import Version
from pydantic import BaseModel, ConfigDict, ValidationError

from dockwright.errors import RecordError

if TYPE_CHECKING:
    from dockwright.spec.records import BuildRecord
    from dockwright.spec.variants import Variant

N = TypeVar("N", bound="Note")


class Note(BaseModel):
    """Base of what is noted about an image, by its digest."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", defer_build=True)

    digest: str

    @property
    def content(self) -> bytes:
        """The bytes that travel."""
        return (self.model_dump_json(indent=2) + "\n").encode()


class Standing(Note):
    """Which release an image is of, and when it was built: what its names are decided by."""

    identifier: str
    tag: str
    """The immutable tag, its name for ever."""
    version: str
    transformers: str
    accelerator: str
    base: str
    base_end_of_support: date
    image: str
    built_at: datetime

    @property
    def age(self) -> tuple[Version, Version, str, date, str, Version, datetime]:
        """What grows from an older image to a newer one."""
        return (
            Version(self.version),
            Version(self.transformers),
            self.accelerator,
            self.base_end_of_support,
            self.base,
            Version(self.image),
            self.built_at,
        )


class Waiver(Note):
    """Who has let an image be promoted with checks that could not be made, and why."""

    identifier: str
    registry: str
    """The place that it was promoted to."""
    checks: dict[str, str]
    """Each deferred check, and the reason that it was waived for."""
    owner: str
    waived_at: str


class Yank(Note):
    """Why nobody shall use an image any more, and what instead."""

    reason: str
    replacement: str | None = None
    yanked_at: str

    def __str__(self) -> str:
        instead = f"; use {self.replacement}" if self.replacement else ""
        return f"yanked on {self.yanked_at}: {self.reason}{instead}"


def standing(variant: Variant, record: BuildRecord, *, tag: str) -> Standing:
    """Return what decides on the names of a variant's image."""
    release = variant.release
    return Standing(
        identifier=variant.identifier,
        digest=record.digest,
        tag=tag,
        version=release.spec.version,
        transformers=release.transformers,
        accelerator=variant.accelerator.name,
        base=release.base.name,
        base_end_of_support=release.base.end_of_support,
        image=release.spec.image,
        built_at=datetime.fromisoformat(record.finished_at),
    )


def parse(model: type[N], content: bytes, *, about: str) -> N:
    """Return what was noted; RecordError unless it is that, about this image."""
    try:
        note = model.model_validate_json(content)
    except ValidationError as e:
        what = model.__name__.lower()
        msg = f"the {what} beside {about} cannot be read ({e.error_count()} problems)"
        raise RecordError(msg) from None
    if note.digest != about:
        msg = f"the {model.__name__.lower()} beside {about} speaks of {note.digest}"
        raise RecordError(msg)
    return note
