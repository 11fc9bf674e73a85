"""Forecasts and a registry in; what the registry has of each image, read from its evidence, out.

No record of this machine is asked: who may read the registry gets the same catalogue anywhere.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from dockwright import console
from dockwright.clients import evidence, publication
from dockwright.composition import sbom
from dockwright.composition.catalog import Known, Published, planned_layers
from dockwright.errors import RecordError
from dockwright.spec import catalog, records, tags
from dockwright.spec import publication as notes
from dockwright.spec.bench_records import BenchRecord
from dockwright.spec.catalog import Layer
from dockwright.spec.evidence import CREATED, Kind
from dockwright.spec.publication import Standing, Yank
from dockwright.spec.records import BuildRecord, ScanRecord, SmokeRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from dockwright.clients.registry import Repository
    from dockwright.clients.trust import Trust
    from dockwright.composition.catalog import Layers
    from dockwright.composition.plan import PlannedImage
    from dockwright.composition.prediction import Prediction
    from dockwright.spec.records import Record
    from dockwright.spec.variants import Variant

    R = TypeVar("R", bound=Record)
    T = TypeVar("T")

PARALLEL = 8
"""Images that the registry is asked about at once."""


def known(
    planned: Iterable[tuple[PlannedImage, Prediction]],
    open_: Callable[[Variant], Repository],
    verifies: Trust | None,
) -> tuple[Known, ...]:
    """Return what the registry has of each image; with a key, what it has not signed is absent."""

    def ask(one: tuple[PlannedImage, Prediction]) -> Known:
        plan, assembled = one
        return _known(plan, assembled, open_(plan.variant), verifies)

    with ThreadPoolExecutor(PARALLEL) as pool:
        return tuple(pool.map(ask, planned))


def _known(
    plan: PlannedImage, assembled: Prediction, repository: Repository, verifies: Trust | None
) -> Known:
    variant = plan.variant
    layers = planned_layers(plan, assembled, None)
    manifest = repository.get_manifest(variant.tag)
    if manifest is None:
        return Known(
            variant=variant,
            digest=None,
            aliases=(),
            layers=layers,
            size_bytes=assembled.size_bytes,
        )
    digest = manifest.digest
    shelf = _shelf(repository, digest, verifies)
    build = shelf.record(Kind.BUILD, BuildRecord)
    there = {entry["digest"]: int(entry["size"]) for entry in manifest.document.get("layers", ())}
    return Known(
        variant=variant,
        digest=digest,
        aliases=tuple(
            tag for tag in tags.aliases(variant) if repository.manifest_digest(tag) == digest
        ),
        layers=_layers(there, build, shelf, dict(layers)),
        size_bytes=sum(there.values()),
        unpacked_bytes=build.unpacked_bytes if build and build.layers else None,
        published=Published(
            repository=str(repository),
            immutable_tag=shelf.immutable_tag(),
            is_signed=verifies(repository, digest) is None if verifies else None,
            yank=_yank(repository, digest) if Kind.YANK in shelf.kinds else None,
            evidence=shelf.entries,
        ),
        smoke=shelf.record(Kind.SMOKE, SmokeRecord),
        scan=shelf.record(Kind.SCAN, ScanRecord),
        bench=shelf.record(Kind.BENCH, BenchRecord),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Shelf:
    """The evidence beside one image, of each kind the newest that counts."""

    repository: Repository
    digest: str
    kinds: frozenset[Kind]
    """Everything that lies there, whether it counts or not."""
    entries: tuple[catalog.Evidence, ...]

    def record(self, kind: Kind, model: type[R]) -> R | None:
        return self._read(kind, lambda content: records.loads(content, model, of=self.digest))

    def immutable_tag(self) -> str | None:
        return self._read(
            Kind.RELEASE, lambda content: notes.parse(Standing, content, about=self.digest).tag
        )

    def packages(self) -> dict[str, tuple[str, ...]]:
        """Return layer -> what is in it, as the bill of materials says."""
        return self._read(Kind.SBOM, sbom.packages) or {}

    def _read(self, kind: Kind, parse: Callable[[bytes], T]) -> T | None:
        """Return a piece's content; None, and a warning, where it cannot be understood."""
        for entry in self.entries:
            if entry.kind is not kind:
                continue
            piece = evidence.read(self.repository, kind, entry.digest, about=self.digest)
            try:
                return parse(piece.content)
            except RecordError as e:
                console.warn(f"{self.repository}@{self.digest}: {kind}: {e}")
        return None


def _shelf(repository: Repository, digest: str, verifies: Trust | None) -> _Shelf:
    by_type = {kind.artifact_type: kind for kind in Kind}
    pieces = [
        catalog.Evidence(
            kind=by_type[entry["artifactType"]],
            digest=entry["digest"],
            created_at=(entry.get("annotations") or {}).get(CREATED, ""),
        )
        for entry in repository.referrers(digest)
        if entry.get("artifactType") in by_type
    ]
    newest: dict[Kind, catalog.Evidence] = {}
    for piece in sorted(pieces, key=lambda p: (p.created_at, p.digest), reverse=True):
        if piece.kind in newest:
            continue
        if verifies is None or verifies(repository, piece.digest) is None:
            newest[piece.kind] = piece
    return _Shelf(
        repository=repository,
        digest=digest,
        kinds=frozenset(piece.kind for piece in pieces),
        entries=tuple(newest[kind] for kind in Kind if kind in newest),
    )


def _yank(repository: Repository, digest: str) -> Yank | None:
    """Return why an image was withdrawn; a note counts unsigned and unreadable, too: it only warns."""
    try:
        return publication.yank_of(repository, digest)
    except RecordError as e:
        piece = evidence.newest(repository, digest, Kind.YANK)
        return Yank(digest=digest, reason=str(e), yanked_at=piece.created_at if piece else "")


def _layers(
    there: Mapping[str, int],
    build: BuildRecord | None,
    shelf: _Shelf,
    planned: Mapping[str, Layer],
) -> Layers:
    """Return the manifest's layers; a planned one of the same digest tells what is in it."""
    if there.keys() <= planned.keys():
        return tuple((digest, planned[digest]) for digest in there)
    names = {layer.digest: layer.name for layer in build.layers} if build else {}
    packages = shelf.packages()
    found = []
    for number, (digest, size_bytes) in enumerate(there.items(), start=1):
        name = names.get(digest, f"layer {number}")
        layer = Layer(name=name, size_bytes=size_bytes, packages=packages.get(name, ()))
        found.append((digest, layer))
    return tuple(found)
