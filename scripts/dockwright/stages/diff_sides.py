"""What `dockwright diff` is given in; the images, or the variants, that it names, out."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from pydantic import ValidationError

from dockwright import process
from dockwright.clients import (
    docker,
    engine,
    evidence,
    image_source,
    images,
    publication,
    registry,
    registry_reference,
    tar_stream,
)
from dockwright.clients.registry import Repository
from dockwright.composition.difference import Told
from dockwright.errors import (
    EngineUnfitError,
    NoEngineError,
    NothingSelectedError,
    ProcessError,
    RecordError,
)
from dockwright.spec import manifest, records, selector
from dockwright.spec.evidence import Kind
from dockwright.spec.records import BuildRecord, Record, ScanRecord, SmokeRecord

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dockwright.clients.image_source import Source
    from dockwright.spec.variants import Variant
    from dockwright.workspace import Workspace

R = TypeVar("R", bound=Record)

IDENTIFIER_LABEL = "dockwright.identifier"
PIECE_BYTES = 1 << 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Named:
    """Variants of the manifest, in this working copy or as a revision of it has them."""

    ws: Workspace
    variants: tuple[Variant, ...]
    revision: str | None = None


@contextmanager
def named(ws: Workspace, text: str) -> Iterator[Named | None]:
    """Yield the variants that a text names: a glob, a release, or either of a revision.

    None where it names an image: `HOST/NAME:TAG`, or a digest.
    """
    revision, _, name = text.rpartition(":")
    host, slash, _ = text.partition("/")
    if _is_digest(text) or (slash and registry_reference.looks_like_host(host)):
        yield None
    elif not revision:
        yield Named(ws=ws, variants=_pick(ws, name))
    else:
        with _checked_out(ws, revision) as past:
            yield Named(ws=past, variants=_pick(past, name), revision=revision)


def pairs(a: Named, b: Named) -> tuple[tuple[Variant, Variant], ...]:
    """Return which variants are compared: one with one, else those for the same job and hardware."""
    if len(a.variants) == len(b.variants) == 1:
        return ((a.variants[0], b.variants[0]),)
    others = {variant.folder: variant for variant in b.variants}
    if len(others) < len(b.variants) or len({v.folder for v in a.variants}) < len(a.variants):
        msg = "several releases are named on one side; name one image, or one release, on each"
        raise NothingSelectedError(msg)
    found = tuple((v, others[v.folder]) for v in a.variants if v.folder in others)
    if not found:
        msg = "no image of the one side is for a job and an accelerator of the other"
        raise NothingSelectedError(msg)
    return found


def only(found: Named | None) -> Variant | None:
    """Return the one variant that is named, if it is not an image itself that is."""
    if found is None:
        return None
    if found.revision is not None or len(found.variants) != 1:
        msg = "an image is compared with one image that was built here, by its identifier"
        raise NothingSelectedError(msg)
    return found.variants[0]


def are_built(ws: Workspace, *sides: Named) -> bool:
    """Tell whether each side is one image that was built here and that the engine still has."""
    found = []
    for side in sides:
        if side.revision is not None or len(side.variants) != 1:
            return False
        record = records.read(ws.out_path, side.variants[0].identifier, "build", BuildRecord)
        if record is None:
            return False
        found.append(record)
    try:
        running = engine.find(ws)
    except (NoEngineError, EngineUnfitError):
        return False
    with docker.connect(running) as client:
        return all(images.digest_of(client, r.reference) == r.digest for r in found)


@contextmanager
def opened(ws: Workspace, text: str, variant: Variant | None) -> Iterator[tuple[Source, Told]]:
    """Yield an image and what is recorded of it; a variant's is the one that was built."""
    if variant is None and not _is_digest(text):
        reference = registry_reference.parse(text)
        with registry.session(reference.host) as session:
            repository = Repository(session=session, name=reference.repository)
            source = image_source.in_registry(repository, reference.target)
            yield replace(source, name=text), told_there(repository, source)
        return
    record = records.require_build(ws.out_path, variant.identifier) if variant else None
    name = variant.identifier if variant else text
    digest, reference_here = (record.digest, record.reference) if record else (text, text)
    with docker.connect(engine.find(ws)) as client:
        if images.digest_of(client, reference_here) != digest:
            msg = f"the engine has no {digest}; build it, or name HOST/NAME@{digest} in a registry"
            raise RecordError(msg)
        with image_source.in_engine(
            client, digest, reference=reference_here, name=name, scratch_path=ws.uploads_path
        ) as source:
            yield source, _told_here(ws.out_path, source)


def _is_digest(text: str) -> bool:
    return registry_reference.DIGEST.fullmatch(text) is not None


def _pick(ws: Workspace, name: str) -> tuple[Variant, ...]:
    every = manifest.load(ws.buildspec_path, ws.overlay).variants
    of_release = tuple(v for v in every if v.release.key == name)
    return of_release or selector.pick(every, [name])


@contextmanager
def _checked_out(ws: Workspace, revision: str) -> Iterator[Workspace]:
    """Yield the manifest's files as a revision has them; nothing of the working copy is touched."""
    git = ("git", "-C", ws.root)
    try:
        wanted = f"{revision}^{{commit}}"
        argv = (*git, "rev-parse", "--verify", "--quiet", "--end-of-options", wanted)
        commit = process.run(argv, timeout_s=60).strip()
    except ProcessError:
        msg = (
            f"{revision!r} is neither a revision of this repository nor a registry's image; write "
            "REVISION:IDENTIFIER, or HOST/NAME:TAG with the host"
        )
        raise NothingSelectedError(msg) from None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tree.tar"
        argv = (*git, "archive", f"--output={path}", commit, "buildspec", "images")
        process.run(argv, timeout_s=60)
        root = Path(folder) / "tree"
        with path.open("rb") as tar:
            tar_stream.unpack(iter(lambda: tar.read(PIECE_BYTES), b""), root)
        yield replace(ws, root=root, overlay=None)  # the revision is of the checkout


def _told_here(out_path: Path, source: Source) -> Told:
    """Return the records of this working copy."""
    labels = (source.config.get("config") or {}).get("Labels") or {}
    identifier = Path(labels.get(IDENTIFIER_LABEL, "")).name  # anyone may have written the label

    def read(stage: str, model: type[R]) -> R | None:
        record = records.read(out_path, identifier, stage, model) if identifier else None
        return record if record is not None and record.digest == source.digest else None

    return Told(
        build=read("build", BuildRecord),
        smoke=read("smoke", SmokeRecord),
        scan=read("scan", ScanRecord),
    )


def told_there(repository: Repository, source: Source) -> Told:
    """Return the newest that is attached to the image; who has signed it is not checked."""

    def read(kind: Kind, model: type[R]) -> R | None:
        found = evidence.newest(repository, source.digest, kind)
        if found is None:
            return None
        try:
            record = model.model_validate_json(found.content)
        except ValidationError:
            msg = f"{kind} {found.digest} of {source.name} is no record of this dockwright's"
            raise RecordError(msg) from None
        return record if record.digest == source.digest else None

    return Told(
        build=read(Kind.BUILD, BuildRecord),
        smoke=read(Kind.SMOKE, SmokeRecord),
        scan=read(Kind.SCAN, ScanRecord),
        yank=publication.yank_of(repository, source.digest),
    )
