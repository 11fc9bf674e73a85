"""What a stage found out about a variant, tied to the image's digest, as `out/<id>/<stage>.json`."""

from __future__ import annotations

import os
import tempfile
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from dockwright.errors import RecordError
from dockwright.spec.severity import Severity

R = TypeVar("R", bound="Record")


class Record(BaseModel):
    """Base of every record."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", defer_build=True)

    identifier: str
    digest: str
    """Of the image manifest that the record speaks of."""
    finished_at: str
    """UTC, ISO 8601."""
    seconds: float


class AnyRecord(Record):
    """A record of whatever stage."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore", defer_build=True)


class LayerRecord(BaseModel):
    """One layer as the image's manifest has it."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", defer_build=True)

    name: str
    digest: str
    size_bytes: int
    unpacked_bytes: int | None = None
    """What it takes on the engine's disk; nothing tells where no engine has it."""


class BuildRecord(Record):
    """An image that was built: what it is and what it was made from."""

    reference: str
    builder: str
    inputs_sha256: str
    """Of everything that determines the image; equal inputs give an equal image."""
    base_digest: str
    is_base_drifted: bool
    media_type: str
    layers: tuple[LayerRecord, ...]
    size_bytes: int
    """Of all layers, compressed."""

    @property
    def unpacked_bytes(self) -> int | None:
        """Of all layers, on an engine's disk, if it is known of each."""
        sizes = [layer.unpacked_bytes for layer in self.layers]
        return None if None in sizes else sum(size for size in sizes if size is not None)


class Status(StrEnum):
    """How a check ended; deferred is never counted as passed."""

    PASSED = "passed"
    FAILED = "failed"
    DEFERRED = "deferred"


class CheckRecord(BaseModel):
    """One check on one image."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", defer_build=True)

    name: str
    """`<trait>/<check>`."""
    status: Status
    seconds: float
    detail: str
    """What it found, or why it failed or was deferred."""


class SmokeRecord(Record):
    """What was checked on an image."""

    checks_sha256: str
    """Of the checks and the facts that they checked against: others would have to be run."""
    checks: tuple[CheckRecord, ...]

    def count(self, status: Status) -> int:
        """Return how many checks ended so."""
        return sum(check.status is status for check in self.checks)


class PushRecord(Record):
    """An image that was pushed, and found in the registry under each of these names."""

    repository: str
    """With the registry's host."""
    immutable_tag: str
    tags: tuple[str, ...]
    """The full tag, then the aliases, without those that a newer image has."""
    present_blobs: int
    """Config and layers that the repository had already."""
    mounted_blobs: int
    mounted_bytes: int
    """Taken over from other repositories of the registry."""
    sent_blobs: int
    sent_bytes: int
    evidence_sha256: str
    """Of the records that were attached, and by whom that was signed."""


class PromoteRecord(Record):
    """An image that was promoted, and found in the target registry under each of these names."""

    source: str
    repository: str
    immutable_tag: str
    tags: tuple[str, ...]
    waived: dict[str, str]
    """Checks that could not be made, and why that was let pass."""
    mounted_bytes: int
    sent_bytes: int


class Urgency(StrEnum):
    """What follows from a known vulnerability; overdue fails a scan, the others are told."""

    OVERDUE = "overdue"
    DUE = "due"
    WAITING = "waiting"
    """Debian has no update for it yet."""
    ALLOWED = "allowed"


class ExportRecord(BaseModel):
    """Advisories that a scan was made against."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", defer_build=True)

    origin: str
    sha256: str
    entries: int
    newest: str
    """When the entry that was changed last was; UTC, ISO 8601."""


class FindingRecord(BaseModel):
    """A known vulnerability of a package, and what follows from it."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", defer_build=True)

    name: str
    """Its CVE where it has one."""
    ids: tuple[str, ...]
    ecosystem: str
    package: str
    """Of Debian the source package."""
    version: str
    fixed: str | None
    severity: Severity | None
    """None where no advisory tells: counted as the worst."""
    published: str
    due: str
    verdict: Urgency
    reason: str | None
    """Why it is allowed, with who says so and until when."""


class ScanRecord(Record):
    """What advisories tell of the packages that the image's locks name."""

    exports: tuple[ExportRecord, ...]
    scanned: dict[str, int]
    """By ecosystem, how many packages were looked up."""
    unscanned: dict[str, str]
    """Packages that were not, with the reason."""
    findings: tuple[FindingRecord, ...]
    problems: tuple[str, ...]
    """Why the scan has failed; none in one that passed."""

    def count(self, verdict: Urgency) -> int:
        """Return how many findings were judged so."""
        return sum(finding.verdict is verdict for finding in self.findings)


def record_path(out_path: Path, identifier: str, stage: str) -> Path:
    """Return where a stage's record of a variant is."""
    return out_path / identifier / f"{stage}.json"


def write(out_path: Path, stage: str, record: Record) -> Path:
    """Write a record whole or not at all."""
    path = record_path(out_path, record.identifier, stage)
    write_atomically(path, record.model_dump_json(indent=2) + "\n")
    return path


def read(out_path: Path, identifier: str, stage: str, model: type[R]) -> R | None:
    """Return a variant's record, or None where the stage has not run; RecordError if unreadable."""
    path = record_path(out_path, identifier, stage)
    try:
        return model.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError as e:
        name = "/".join(path.parts[-3:])
        msg = (
            f"{name} is not a record of this version of dockwright ({e.error_count()} problems); "
            "remove it and run the stage again"
        )
        raise RecordError(msg) from None


def content_of(out_path: Path, image: BuildRecord, stage: str) -> bytes | None:
    """Return the very bytes of a stage's record, or None where there is none of this image."""
    try:
        content = record_path(out_path, image.identifier, stage).read_bytes()
    except FileNotFoundError:
        return None
    record = read(out_path, image.identifier, stage, AnyRecord)
    return content if record is not None and record.digest == image.digest else None


def loads(content: bytes, model: type[R], *, of: str) -> R:
    """Read a record that must be of an image; RecordError otherwise."""
    try:
        record = model.model_validate_json(content)
    except ValidationError as e:
        first = e.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        msg = f"it is no record of this version of dockwright: {where}: {first['msg']}"
        raise RecordError(msg) from None
    if record.digest != of:
        msg = f"it is a record of {record.digest}, another image"
        raise RecordError(msg)
    return record


def require_build(out_path: Path, identifier: str) -> BuildRecord:
    """Return a variant's build record, or say how to get one."""
    record = read(out_path, identifier, "build", BuildRecord)
    if record is None:
        msg = f"{identifier} has no build record; run `dockwright build {identifier}` first"
        raise RecordError(msg)
    return record


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write a file so that readers, and the next run after a kill, see all of it or none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
