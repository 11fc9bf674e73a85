"""Images of a registry and a reason in; the same images, marked as not to be used, out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dockwright import console
from dockwright.clients import evidence, publication, registry_reference
from dockwright.errors import PolicyError, RegistryError
from dockwright.spec.evidence import Kind
from dockwright.spec.publication import Yank

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from dockwright.clients.registry import Repository
    from dockwright.spec.variants import Variant


@dataclass(frozen=True, kw_only=True, slots=True)
class Marked:
    """An image to be yanked."""

    repository: Repository
    digest: str


def of_reference(text: str, place: str, open_: Callable[[str], Repository]) -> Marked:
    """Return the image that `NAME:TAG` or `NAME@DIGEST` means, written with or without the place."""
    name = text.removeprefix(f"{place}/")
    reference = registry_reference.parse(f"{place}/{name}")
    repository = open_(reference.repository)
    digest = repository.manifest_digest(reference.target)
    if digest is None:
        msg = f"{reference} is not there"
        raise RegistryError(msg)
    return Marked(repository=repository, digest=digest)


def of_variants(
    variants: Sequence[Variant], open_: Callable[[Variant], Repository]
) -> tuple[Marked, ...]:
    """Return the images that the variants' full tags name now; an error names all that are not."""
    found, missing = [], []
    for variant in variants:
        repository = open_(variant)
        digest = repository.manifest_digest(variant.tag)
        if digest is None:
            missing.append(f"{repository}:{variant.tag} is not there")
        else:
            found.append(Marked(repository=repository, digest=digest))
    if missing:
        raise RegistryError("\n".join(missing))
    return tuple(found)


def yank(
    marked: Sequence[Marked],
    *,
    reason: str,
    replacement: str | None,
    now: str,
    sign: Callable[[Repository, Sequence[str]], None],
) -> None:
    """Note on each image why nobody shall use it; the same reason again is not a new one."""
    for each in marked:
        if replacement and each.repository.manifest_digest(replacement) == each.digest:
            msg = f"{each.repository}:{replacement} is the very image that is to be yanked"
            raise PolicyError(msg)
    for each in marked:
        repository, digest = each.repository, each.digest
        earlier = publication.yank_of(repository, digest)
        if earlier is None or (earlier.reason, earlier.replacement) != (reason, replacement):
            note = Yank(digest=digest, reason=reason, replacement=replacement, yanked_at=now)
            attached = evidence.attach(repository, digest, Kind.YANK, note.content, created_at=now)
            sign(repository, [attached])
        for tag in _tags_of(repository, digest):
            console.warn(f"{repository}:{tag} still names it: push or roll back to another")


def _tags_of(repository: Repository, digest: str) -> Iterator[str]:
    for tag in repository.tags():
        if not tag.startswith("sha256-") and repository.manifest_digest(tag) == digest:
            yield tag
