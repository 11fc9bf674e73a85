"""Variants, where their images are and where they shall go in; what may be pushed out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dockwright.clients import registry_reference
from dockwright.errors import BuildError, DockwrightError, RecordError, SmokeError, StaleError
from dockwright.spec import records, tags
from dockwright.spec.evidence import Kind
from dockwright.spec.image import MANIFEST_TYPE, sha256
from dockwright.spec.records import BuildRecord, SmokeRecord, Status
from dockwright.spec.registries import MediaTypes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from collections.abc import Set as AbstractSet

    from dockwright.clients.registry_reference import Reference
    from dockwright.spec.registries import Target
    from dockwright.spec.variants import Variant
    from dockwright.stages.push.sources import Source
    from dockwright.workspace import Workspace

RECORDS = (Kind.BUILD, Kind.SMOKE, Kind.BENCH, Kind.SCAN)
"""By the stages that write them: what changes of an image's evidence while the image is the same."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Parcel:
    """One image that may be pushed, and under which names."""

    variant: Variant
    record: BuildRecord
    to: Reference
    """The repository."""
    tags: tuple[str, ...]
    """The full tag, then the aliases, as far as the manifest decides on them."""
    evidence_sha256: str
    """Of the records to attach, and whether that is signed."""

    @property
    def immutable_prefix(self) -> str:
        """What the immutable tags of all builds of the variant begin with."""
        return f"{self.variant.tag}-v{self.variant.release.spec.image}-"


def prepare(
    ws: Workspace,
    variants: Sequence[Variant],
    every: Sequence[Variant],
    target: Target,
    source: Source,
    *,
    current: AbstractSet[str],
    signed_by: str | None,
) -> tuple[Parcel, ...]:
    """Return a parcel per variant, or one error that names all that must not be pushed, and why.

    `every` are all of the manifest's variants, which decide on aliases; `current` are the
    identifiers of images that were made from today's inputs. `signed_by` is the signer's fingerprint.
    """
    parcels: list[Parcel] = []
    problems: list[DockwrightError] = []
    for variant in variants:
        try:
            is_current = variant.identifier in current
            record = _proven(ws, variant, target, source, is_current=is_current)
        except DockwrightError as e:
            problems.append(e)
            continue
        parcels.append(
            Parcel(
                variant=variant,
                record=record,
                to=registry_reference.parse(f"{target.place}/{variant.repository}"),
                tags=tags.of(variant, every),
                evidence_sha256=_evidence_sha256(ws, variant.identifier, signed_by),
            )
        )
    if problems:
        raise type(problems[0])("\n".join(map(str, problems)))
    return tuple(parcels)


def repositories(place: str, every: Sequence[Variant]) -> tuple[Reference, ...]:
    """Return where all of the manifest's images go: one may have layers that another lacks."""
    names = dict.fromkeys(variant.repository for variant in every)
    return tuple(registry_reference.parse(f"{place}/{name}") for name in names)


def _evidence_sha256(ws: Workspace, name: str, signed_by: str | None) -> str:
    paths = (records.record_path(ws.out_path, name, kind) for kind in RECORDS)
    known = [path.read_bytes() if path.is_file() else b"" for path in paths]
    return sha256(b"\0".join((*known, (signed_by or "").encode())))


def _proven(
    ws: Workspace, variant: Variant, target: Target, source: Source, *, is_current: bool
) -> BuildRecord:
    """Return the record of an image that is fit for others; an error that says why it is not."""
    name = variant.identifier
    record = records.require_build(ws.out_path, name)
    if not is_current:
        msg = f"{name}: its inputs have changed since it was built; run `dockwright build {name}`"
        raise StaleError(msg)
    if record.is_base_drifted:
        msg = (
            f"{name}: its base has drifted from the lock; run `dockwright lock --base`, then build"
        )
        raise StaleError(msg)
    if target.registry.media_types is MediaTypes.DOCKER and record.media_type != MANIFEST_TYPE:
        msg = f"{name} is a {record.media_type}; {target.name} takes only {MANIFEST_TYPE}"
        raise BuildError(msg)
    if not source.has(variant, record.digest):
        msg = f"{name}: {source} has no {record.digest}; run `dockwright build {name}`"
        raise RecordError(msg)
    _require_smoke(ws, record)
    return record


def _require_smoke(ws: Workspace, record: BuildRecord) -> None:
    """Raise unless this very image was checked and nothing failed; deferred is not failed."""
    name = record.identifier
    smoke = records.read(ws.out_path, name, "smoke", SmokeRecord)
    if smoke is None or smoke.digest != record.digest:
        msg = f"{name}: {record.digest} was not checked; run `dockwright smoke {name}`"
        raise RecordError(msg)
    if failed := [check.name for check in smoke.checks if check.status is Status.FAILED]:
        msg = f"{name}: {', '.join(failed)} failed; see `dockwright smoke {name}`"
        raise SmokeError(msg)
