"""The catalogue's shape: what is known of every image, as `catalog.json` has it."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from dockwright.errors import RecordError
from dockwright.spec.bench_records import BenchVerdict
from dockwright.spec.evidence import Kind
from dockwright.spec.offer import Offer
from dockwright.spec.publication import Yank
from dockwright.spec.records import Status, Urgency

SCHEMA_VERSION: Final = 2


class Model(BaseModel):
    """Base of the catalogue's models."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", defer_build=True)


class Layer(Model):
    """One layer, whichever images have it."""

    name: str
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
    cost: tuple[float, float, float] | None = None
    """Low, median and high of what it costs by what the other image does; more than 1 is worse."""
    verdict: BenchVerdict | None = None
    """Of that comparison, where there was one."""


class Bench(Model):
    """Benchmarks of this very image on one host."""

    finished_at: str
    host: str
    against: str | None = None
    """Identifier of the image that it was compared with."""
    metrics: tuple[Metric, ...]
    others: dict[str, str]
    """Suites without figures -> why: failed, unfinished, or `needs gpu`."""


class Evidence(Model):
    """A document beside the image in its registry, of each kind the newest that counts."""

    kind: Kind
    digest: str
    created_at: str


class Image(Model):
    """One image: its facts, and the claims that records make about its digest."""

    identifier: str
    release: str
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
    cuda: str | None
    """The CUDA runtime in it; none in an image for CPUs."""
    targets: tuple[str, ...] | None
    """What GPUs its framework is compiled for; None where nobody has read that yet."""
    repository: str
    tag: str
    flavor: str | None = None
    """The word of the downstream team whose image it is; none for ours."""
    aliases: tuple[str, ...]
    """In a catalogue of a registry those that name this very image there."""
    immutable_tag: str | None
    ga: str
    end_of_patch: str
    digest: str | None
    """Of the image that was built, None where none was: nothing else is claimed then."""
    pushed_to: str | None
    """The repository with its registry, where the image is."""
    is_signed: bool | None
    """Whether the registry's key has signed it; None where no key is known."""
    yank: Yank | None
    """Why nobody shall use it any more."""
    evidence: tuple[Evidence, ...]
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

    @property
    def place(self) -> str | None:
        """The registry that it is in, `HOST[/PATH]`."""
        return self.pushed_to.removesuffix(f"/{self.repository}") if self.pushed_to else None


class Change(Model):
    """A package that another release has otherwise."""

    name: str
    before: str | None
    after: str | None
    step: str
    is_direct: bool
    """Whether the manifest pins it."""


class Release(Model):
    """What is to be told of a release, all of its images together."""

    title: str
    image: str
    """What we have made of these versions: major and minor, as the immutable tags have it."""
    pins: dict[str, str]
    """Name -> version of what the manifest pins."""
    conflicts: dict[str, str]
    """What `pip check` says and the manifest allows -> why."""
    since: str | None
    """The release before it of the same framework, which `changes` compares with."""
    changes: tuple[Change, ...]


class Gpu(Model):
    """GPUs of one compute capability."""

    capability: str
    names: tuple[str, ...]


class Catalog(Model):
    """All images, and every layer once."""

    schema_version: Literal[2]
    made_at: str
    """UTC, ISO 8601."""
    source: str | None
    """The registry that all claims were read from, `HOST[/PATH]`; else a working copy's records."""
    key: str | None
    """The public key without whose signature nothing in the registry has counted."""
    gpus: tuple[Gpu, ...]
    releases: dict[str, Release]
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
