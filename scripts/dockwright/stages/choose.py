"""What a user asks for in; the newest image that is there and not withdrawn, with its place, out.

What there is, the catalogue that DOCKWRIGHT_CATALOG names tells, else the manifest. The manifest knows
no registry: where a name in one is asked for, that registry is asked.

A catalogue is read where the SageMaker Python SDK is, which pins packages that dockwright has newer:
all that this takes is pydantic and packaging, so what needs more is imported when it is needed.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dockwright import console
from dockwright.errors import NothingSelectedError, RecordError
from dockwright.spec import catalog, offer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dockwright.clients.registry import Repository
    from dockwright.spec.catalog import Catalog
    from dockwright.spec.offer import Offer, Wanted
    from dockwright.spec.registries import Target
    from dockwright.workspace import Workspace

CATALOG = "DOCKWRIGHT_CATALOG"


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """An image to take; its digest where the registry or the catalogue tells it."""

    offer: Offer
    place: str | None
    digest: str | None = None

    @property
    def reference(self) -> str:
        return self.offer.reference(self.place)


def choose(wanted: Wanted, *, registry: str | None, find: Callable[[], Workspace]) -> Choice:
    """Return the image to take; NothingSelectedError tells the nearest ones, or why none may be.

    `find` returns the checkout, where one is needed.
    """
    if named := os.environ.get(CATALOG):
        return _of_catalog(_read(Path(named)), wanted, _place(registry, find))
    ws = find()
    offers = _of_manifest(ws)
    if registry is None:
        return Choice(offer=offer.choose(offers, wanted), place=None)
    return _asking(offers, wanted, _target(registry, ws))


def _read(path: Path) -> Catalog:
    try:
        return catalog.parse(path.read_bytes(), name=str(path))
    except OSError as e:
        msg = f"{CATALOG} names {path}, which cannot be read: {e.strerror}"
        raise RecordError(msg) from None


def _place(text: str | None, find: Callable[[], Workspace]) -> str | None:
    """Return a registry's place; only for one that is given by name the checkout has to be read."""
    if text is None or any(mark in text for mark in ".:/"):
        return text
    return _target(text, find()).place


def _target(text: str, ws: Workspace) -> Target:
    from dockwright.spec import registries  # noqa: PLC0415 - see above

    return registries.find(ws.buildspec_path, text)


def _of_manifest(ws: Workspace) -> list[Offer]:
    from dockwright.spec import manifest  # noqa: PLC0415 - see above

    variants = manifest.load(ws.buildspec_path, ws.overlay).variants
    return [offer.of_variant(variant) for variant in variants]


def _asking(offers: Sequence[Offer], wanted: Wanted, its: Target) -> Choice:
    from dockwright.clients.registry import Repository, session  # noqa: PLC0415 - see above

    with session(its.host) as opened:
        return in_registry(
            offers,
            wanted,
            its.place,
            lambda name: Repository(session=opened, name=its.repository(name)),
        )


def in_registry(
    offers: Sequence[Offer], wanted: Wanted, place: str, open_: Callable[[str], Repository]
) -> Choice:
    """Return the newest fitting image that the registry has and nobody has withdrawn there."""
    from dockwright.clients import publication  # noqa: PLC0415 - see above

    why_not = []
    for one in offer.fitting(offers, wanted):
        repository = open_(one.repository)
        digest = repository.manifest_digest(one.tag)
        if digest is None:
            why_not.append(f"{repository}:{one.tag} is not there")
        elif yank := publication.yank_of(repository, digest):
            why_not.append(f"{repository}:{one.tag} was {yank}")
        else:
            return _told(why_not, Choice(offer=one, place=place, digest=digest))
    raise _none(why_not)


def _of_catalog(found: Catalog, wanted: Wanted, place: str | None) -> Choice:
    images = {image.identifier: image for image in found.images}
    offers = [image.offer for image in found.images]
    why_not = []
    for one in offer.fitting(offers, wanted):
        image = images[one.identifier]
        if image.yank:
            why_not.append(f"{image.pushed_to}:{one.tag} was {image.yank}")
        elif found.key and image.pushed_to and not image.is_signed:
            why_not.append(f"{image.pushed_to}:{one.tag} is not signed by {found.key}")
        elif found.source and not image.pushed_to:
            why_not.append(f"{one.identifier} is not in {found.source}")
        else:
            choice = Choice(offer=one, place=place or image.place, digest=image.digest)
            return _told(why_not, choice)
    raise _none(why_not)


def _told(why_not: Sequence[str], choice: Choice) -> Choice:
    """Say which newer images were passed over."""
    for why in why_not:
        console.warn(f"passed over: {why}")
    return choice


def _none(why_not: Sequence[str]) -> NothingSelectedError:
    return NothingSelectedError("no image may be taken:\n" + "\n".join(why_not))
