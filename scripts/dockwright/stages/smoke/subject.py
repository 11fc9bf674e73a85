"""A variant and its build record in; everything that its checks need to know of the image out."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dockwright.clients import containers, images
from dockwright.errors import RecordError
from dockwright.spec import lock as locks
from dockwright.spec import records
from dockwright.stages.smoke import checks
from dockwright.stages.smoke.facts import facts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from docker import DockerClient

    from dockwright.clients.images import EngineImage
    from dockwright.spec.variants import Variant
    from dockwright.stages.smoke.checks import Check
    from dockwright.workspace import Workspace


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Subject:
    """An image that is to be checked."""

    identifier: str
    image: EngineImage
    unpacked_bytes: int
    facts: dict[str, Any]
    checks: tuple[Check, ...]
    archive: bytes
    suspicious: frozenset[str]
    """Strings that tell of the host that built it."""

    @property
    def checks_sha256(self) -> str:
        return checks_sha256(self.archive)


def checks_sha256(archive: bytes) -> str:
    """Return the fingerprint of all that decides how the checks end, but for image and host."""
    return hashlib.sha256(_runner() + archive).hexdigest()


@cache
def _runner() -> bytes:
    """Return the source of what runs the checks, and of those that run outside the image."""
    paths = (*sorted(Path(__file__).parent.glob("*.py")), Path(containers.__file__))
    return b"".join(path.read_bytes() for path in paths)


def checks_of(ws: Workspace, variant: Variant) -> tuple[dict[str, Any], bytes]:
    """Return what a variant's checks measure it against, and the archive that they travel in."""
    known = facts(variant, locks.load(ws.buildspec_path, variant.release))
    return known, checks.pack(ws.smoke_path, variant.traits, known)


def prepare(
    ws: Workspace, variants: Sequence[Variant], client: DockerClient, suspicious: frozenset[str]
) -> tuple[Subject, ...]:
    """Return a subject per variant; one RecordError for all that have no image to check."""
    found = [(variant, checks.discover(ws.smoke_path, variant.traits)) for variant in variants]
    subjects, problems = [], []
    for variant, scripts in found:
        try:
            subjects.append(_subject(ws, variant, scripts, client, suspicious))
        except RecordError as e:
            problems.append(str(e))
    if problems:
        raise RecordError("\n".join(problems))
    return tuple(subjects)


def _subject(
    ws: Workspace,
    variant: Variant,
    scripts: tuple[Check, ...],
    client: DockerClient,
    suspicious: frozenset[str],
) -> Subject:
    record = records.require_build(ws.out_path, variant.identifier)
    image = images.read(client, record.reference)
    if image.digest != record.digest:
        msg = (
            f"{variant.identifier}: the engine's {record.reference} is {image.digest}, the record "
            f"speaks of {record.digest}; run `dockwright build {variant.identifier}`"
        )
        raise RecordError(msg)
    known, archive = checks_of(ws, variant)
    return Subject(
        identifier=variant.identifier,
        image=image,
        unpacked_bytes=sum(images.unpacked_bytes(client, image, record.reference)),
        facts=known,
        checks=scripts,
        archive=archive,
        suspicious=suspicious,
    )
