"""Where assembled images shall go in; each image there, under its own digest, out."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, assert_never

from dockwright import console
from dockwright.clients import image_load
from dockwright.composition import image_layout, oci_layout
from dockwright.errors import PolicyError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from docker import DockerClient

    from dockwright.clients.registry_reference import Reference
    from dockwright.clients.registry_session import Session
    from dockwright.spec.image import AssembledImage
    from dockwright.spec.variants import Variant
    from dockwright.workspace import Workspace

    Deliver = Callable[[Variant, AssembledImage], str]
    """Brings an image there; returns its reference from then on."""

FORMS = "engine, oci:FOLDER or registry:HOST[/PATH]"


class Kind(StrEnum):
    """What takes images."""

    ENGINE = "engine"
    OCI = "oci"
    REGISTRY = "registry"

    @property
    def done(self) -> str:
        """What was done to an image that is there now."""
        return {Kind.ENGINE: "built", Kind.OCI: "written", Kind.REGISTRY: "pushed"}[self]


@dataclass(frozen=True, kw_only=True, slots=True)
class Destination:
    """One place for all images of a build."""

    kind: Kind = Kind.ENGINE
    place: str = ""
    """A folder, or a registry with the path that repositories' names begin with."""


def parse(text: str) -> Destination:
    """Return what `--to` names; ValueError when it is none of the forms.

    >>> parse("registry:localhost:5000/team").place
    'localhost:5000/team'
    """
    kind, _, place = text.partition(":")
    if kind not in set(Kind) or bool(place) == (kind == Kind.ENGINE):
        msg = f"{text!r} is not a place for images; write {FORMS}"
        raise ValueError(msg)
    return Destination(kind=Kind(kind), place=place.rstrip("/") or place)


@contextmanager
def opened(
    ws: Workspace, destination: Destination, variants: Sequence[Variant]
) -> Iterator[Deliver]:
    """Yield what delivers to a layout or a registry, neither of which needs an engine.

    `variants` are all of the manifest's: their repositories may have a layer already.
    """
    match destination.kind:
        case Kind.OCI:
            yield partial(_to_layout, Path(destination.place).absolute())
        case Kind.REGISTRY:
            from dockwright.clients import registry  # noqa: PLC0415 - HTTP is slow to import

            repositories = [_reference(destination, v).repository for v in variants]
            host = _reference(destination, variants[0]).host
            others = tuple(dict.fromkeys(repositories))
            with registry.session(host) as session:
                yield partial(_to_registry, ws, session, destination, others)
        case Kind.ENGINE:
            msg = "an engine takes images through its client"
            raise ValueError(msg)
        case _:
            assert_never(destination.kind)


def to_engine(client: DockerClient, variant: Variant, image: AssembledImage) -> str:
    """Load an image into the engine."""
    image_load.load(client, image, reference=variant.reference)
    return variant.reference


def _to_layout(folder: Path, variant: Variant, image: AssembledImage) -> str:
    """Make a folder of the image's own hold it and nothing else: some readers take no name."""
    path = folder / variant.identifier
    image_layout.write(path, image, reference=variant.reference)
    oci_layout.prune(path, keep=frozenset({image.digest}))
    console.say(f"written to {path}")
    return variant.reference


def _to_registry(
    ws: Workspace,
    session: Session,
    destination: Destination,
    others: Sequence[str],
    variant: Variant,
    image: AssembledImage,
) -> str:
    """Send an unchecked image; what `dockwright push` has published under the name stays there."""
    from dockwright.clients import publication, registry, registry_push  # noqa: PLC0415 - as above

    reference = _reference(destination, variant)
    assert reference.tag is not None, "references of variants have tags"
    repository = registry.Repository(session=session, name=reference.repository)
    holder = repository.manifest_digest(reference.tag)
    if holder not in {None, image.digest} and publication.standing_of(repository, str(holder)):
        msg = (
            f"{reference} is an image that was checked and pushed; an unchecked one does not "
            "replace it: write it with --to oci:FOLDER, check it, and `dockwright push` it"
        )
        raise PolicyError(msg)
    pushed = registry_push.push(
        repository,
        image,
        tags=[reference.tag],
        mount_from=others,
        uploads_path=ws.uploads_path,
    )
    console.say(f"{reference}: {pushed}")
    return str(reference)


def _reference(destination: Destination, variant: Variant) -> Reference:
    from dockwright.clients import registry_reference  # noqa: PLC0415 - as above

    return registry_reference.parse(f"{destination.place}/{variant.reference}")
