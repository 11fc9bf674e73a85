"""Images of a registry in; the same images in the engine, and what is known of each, out."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from dockwright import console
from dockwright.clients import image_pull, publication, trust
from dockwright.errors import PolicyError, RegistryError, VerifyError
from dockwright.spec import records
from dockwright.spec.evidence import Kind
from dockwright.spec.records import SmokeRecord, Status
from dockwright.spec.support import Status as SupportStatus
from dockwright.spec.support import support

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from docker import DockerClient

    from dockwright.clients.registry import Repository
    from dockwright.clients.trust import Trust
    from dockwright.spec.offer import Offer

END_OF_PATCH = "dockwright.end-of-patch"


@dataclass(frozen=True, kw_only=True, slots=True)
class Wish:
    """An image to pull: that which the full tag names now."""

    offer: Offer
    repository: Repository
    digest: str

    @property
    def reference(self) -> str:
        return f"{self.repository}:{self.offer.tag}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Pulled:
    """An image that the engine has now."""

    wish: Wish
    size_bytes: int
    is_signed: bool | None
    """None where no key was named."""
    smoke: SmokeRecord | None
    end_of_patch: date | None

    @property
    def deferred(self) -> tuple[str, ...]:
        """Names of checks that could not be made, and so have not passed."""
        checks = self.smoke.checks if self.smoke else ()
        return tuple(check.name for check in checks if check.status is Status.DEFERRED)


def wishes(offers: Sequence[Offer], open_: Callable[[Offer], Repository]) -> tuple[Wish, ...]:
    """Return what is to be pulled; one error names all that is not there or was yanked."""
    found, missing, yanked = [], [], []
    for offer in offers:
        repository = open_(offer)
        digest = repository.manifest_digest(offer.tag)
        if digest is None:
            missing.append(f"{repository}:{offer.tag} is not there")
        elif yank := publication.yank_of(repository, digest):
            yanked.append(f"{repository}:{offer.tag} was {yank}")
        else:
            found.append(Wish(offer=offer, repository=repository, digest=digest))
    if missing:
        raise RegistryError("\n".join((*missing, *yanked)))
    if yanked:
        raise PolicyError("\n".join(yanked))
    return tuple(found)


def pull(client: DockerClient, wish: Wish, verifies: Trust | None, *, today: date) -> Pulled:
    """Pull one image by its digest under the name that it has in the registry.

    With a key nothing is fetched unless it has signed the image, and only signed checks count.
    """
    repository, digest = wish.repository, wish.digest
    if verifies and (problem := verifies(repository, digest)):
        msg = f"{repository}@{digest} is not to be trusted: {problem}"
        raise VerifyError(msg)
    manifest = repository.get_manifest(digest)
    if manifest is None:
        msg = f"{repository}@{digest} is gone; try again"
        raise RegistryError(msg)
    sizes = {layer["digest"]: int(layer["size"]) for layer in manifest.document["layers"]}
    size_bytes, started = sum(sizes.values()), time.monotonic()
    with console.transfer(f"pull {wish.offer.identifier}", size_bytes) as transfer:
        came_bytes = image_pull.pull(client, repository, digest, sizes, transfer.advance)
        seconds = time.monotonic() - started
        transfer.finished(wish.reference, size_bytes=came_bytes, seconds=seconds)
    image = client.images.get(f"{repository}@{digest}")
    image.tag(str(repository), wish.offer.tag)
    pulled = Pulled(
        wish=wish,
        size_bytes=size_bytes,
        is_signed=True if verifies else None,
        smoke=_smoke(repository, digest, verifies),
        end_of_patch=_end_of_patch(image.labels.get(END_OF_PATCH)),
    )
    _warn(pulled, today)
    return pulled


def _smoke(repository: Repository, digest: str, verifies: Trust | None) -> SmokeRecord | None:
    signed = trust.newest(repository, digest, Kind.SMOKE, verifies or (lambda *_: None))
    return records.loads(signed.piece.content, SmokeRecord, of=digest) if signed.piece else None


def _end_of_patch(label: str | None) -> date | None:
    return date.fromisoformat(label) if label else None


def _warn(pulled: Pulled, today: date) -> None:
    """Tell what a user of the image should know before using it."""
    name = pulled.wish.reference
    if pulled.smoke is None:
        console.warn(f"{name}: nothing that counts says that it was checked")
    if pulled.deferred:
        console.warn(f"{name}: never checked, for want of a GPU: {', '.join(pulled.deferred)}")
    if pulled.end_of_patch is not None:
        standing = support(pulled.end_of_patch, today)
        if standing.status is not SupportStatus.PATCHED:
            console.warn(f"{name}: {standing}, until {pulled.end_of_patch}; take a newer one")
