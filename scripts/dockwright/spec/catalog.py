"""The catalogue's shape: what is known of every image, as `catalog.json` has it."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from dockwright.errors import RecordError
from dockwright.spec.offer import Offer
from dockwright.spec.records import Status, Urgency

SCHEMA_VERSION: Final = 1


class Model(BaseModel):
    """Base of the catalogue's models."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", defer_build=True)


class Layer(Model):
    """One layer, whichever images have it."""

    name: str
    kind: str
    size_bytes: int | None
    """Compressed; None where nothing tells yet."""
    packages: tuple[str, ...]
    """`name==version` of wheels, `name=version` of Debian packages."""


class Check(Model):
    """A check that has not passed, or could not be run."""

    name: str
    status: Status
    detail: str


class Smoke(Model):
    """What was checked in real containers of this very image."""

    finished_at: str
    passed: int
    others: tuple[Check, ...]
    """Failed and deferred ones: never counted as passed."""


class Scan(Model):
    """What advisories tell of the packages in this very image."""

    finished_at: str
    newest: str
    """When the advisory that was changed last was: what is newer nobody has looked for."""
    findings: dict[Urgency, int]
    problems: tuple[str, ...]
    """Why the scan has failed; none in one that passed."""


class Metric(Model):
    """What was measured on this very image: a median, and where it is with 95 % confidence."""

    suite: str
    name: str
    unit: str
    median: float
    low: float
    high: float


class Bench(Model):
    """Benchmarks of this very image on one host."""

    finished_at: str
    host: str
    metrics: tuple[Metric, ...]
    others: dict[str, str]
    """Suites without figures -> why: failed, unfinished, or `needs gpu`."""


class Image(Model):
    """One image: its facts, and the claims that records make about its digest."""

    identifier: str
    title: str
    framework: str
    version: str
    transformers: str
    python: str
    base: str
    job: str
    accelerator: str
    driver: str | None
    """The oldest NVIDIA driver that it runs on."""
    repository: str
    tag: str
    flavor: str | None = None
    """The word of the downstream team whose image it is; none for ours."""
    aliases: tuple[str, ...]
    ga: str
    end_of_patch: str
    digest: str | None
    """Of the image that was built, None where none was: nothing else is claimed then."""
    pushed_to: str | None
    """The repository with its registry, where the image was pushed and read back."""
    size_bytes: int | None
    unpacked_bytes: int | None
    budget_bytes: int
    layers: tuple[str, ...]
    """Keys of the catalogue's layers, from the bottom up."""
    smoke: Smoke | None
    scan: Scan | None
    bench: Bench | None

    @property
    def offer(self) -> Offer:
        """The facts that an image is chosen by."""
        names = Offer.__dataclass_fields__
        return Offer(**self.model_dump(include=set(names)))


class Catalog(Model):
    """All images, and every layer once."""

    schema_version: Literal[1]
    made_at: str
    """UTC, ISO 8601."""
    layers: dict[str, Layer]
    """By digest; by what determines it, where it was not built yet."""
    images: tuple[Image, ...]


def parse(content: bytes, *, name: str) -> Catalog:
    """Return a catalogue that was written before; RecordError when it is not one of ours."""
    try:
        return Catalog.model_validate_json(content)
    except ValidationError as e:
        msg = f"{name} is not a catalogue of this version of dockwright: {e.error_count()} problems"
        raise RecordError(msg) from None
