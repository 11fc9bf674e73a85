"""An image in a registry in; what is proven of it there, or why it is not to be promoted, out."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from dockwright.clients import publication
from dockwright.errors import DockwrightError, PolicyError, RecordError, RegistryError
from dockwright.spec import publication as notes
from dockwright.spec import tags
from dockwright.spec.evidence import Kind
from dockwright.spec.image import MANIFEST_TYPE
from dockwright.spec.publication import Standing
from dockwright.spec.registries import MediaTypes, Requirement
from dockwright.stages.promote import records
from dockwright.stages.promote.records import Subject

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from dockwright.clients.registry import Repository
    from dockwright.spec.registries import Registry
    from dockwright.spec.variants import Variant
    from dockwright.stages.promote.records import Trusted


@dataclass(frozen=True, kw_only=True, slots=True)
class Waivers:
    """Which checks need not have been made, by patterns of their names, and who answers for it."""

    reasons: Mapping[str, str]
    owner: str | None

    def of(self, checks: Sequence[str]) -> dict[str, str]:
        """Return the checks that are waived, each with its reason."""
        return {
            check: reason
            for check in checks
            for pattern, reason in self.reasons.items()
            if fnmatchcase(check, pattern)
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Proven:
    """An image that may be promoted."""

    variant: Variant
    source: Repository
    standing: Standing
    waived: Mapping[str, str]
    bench: str | None
    """What benchmarks say, where the target asks for them."""

    @property
    def digest(self) -> str:
        return self.standing.digest


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """What the target registry requires, what of it is waived, and who is trusted."""

    registry: Registry
    waivers: Waivers
    trusted: Trusted

    def requires(self, what: Requirement) -> bool:
        return what in self.registry.requires


def prove(
    variants: Sequence[Variant],
    every: Sequence[Variant],
    source: Callable[[Variant], Repository],
    target: Callable[[Variant], Repository],
    policy: Policy,
) -> tuple[Proven, ...]:
    """Return all images, proven, or one error that names all that are not, and why."""
    proven: list[Proven] = []
    problems: list[DockwrightError] = []
    for variant in variants:
        try:
            proven.append(_proven(variant, every, source(variant), target(variant), policy))
        except DockwrightError as e:
            problems.append(e)
    if problems:
        raise type(problems[0])("\n".join(map(str, problems)))
    used = {check for each in proven for check in each.waived}
    reasons = policy.waivers.reasons
    if idle := [p for p in reasons if not any(fnmatchcase(c, p) for c in used)]:
        msg = f"--waive {', '.join(idle)}: no check of that name is deferred; leave it out"
        raise PolicyError(msg)
    return tuple(proven)


def _proven(
    variant: Variant,
    every: Sequence[Variant],
    source: Repository,
    target: Repository,
    policy: Policy,
) -> Proven:
    image = _subject(variant, source, target, policy)
    standing = _standing(image)
    deferred, bench = records.smoke(image), None
    if policy.requires(Requirement.BENCH):
        more, bench = records.bench(image, _replaced(variant, every, target, image.digest))
        deferred += more
    waived = policy.waivers.of(deferred)
    if open_checks := [check for check in deferred if check not in waived]:
        msg = (
            f"{image.name}: {', '.join(open_checks)} deferred: make them where there is a GPU, or "
            "answer for it with --waive CHECK=REASON --owner NAME"
        )
        raise PolicyError(msg)
    return Proven(variant=variant, source=source, standing=standing, waived=waived, bench=bench)


def _subject(variant: Variant, source: Repository, target: Repository, policy: Policy) -> Subject:
    """Return the image that the variant's name means, if it may be promoted at all."""
    name, registry = variant.identifier, policy.registry
    digest = source.manifest_digest(variant.tag)
    if digest is None:
        msg = f"{name}: {source}:{variant.tag} is not there; `dockwright push` it first"
        raise RegistryError(msg)
    for repository in (source, target):
        if yank := publication.yank_of(repository, digest):
            msg = f"{name}: {repository}@{digest} was {yank}"
            raise PolicyError(msg)
    _require_media_type(name, source, digest, registry)
    is_signed = policy.requires(Requirement.SIGNATURE)
    if is_signed and not policy.trusted(source, digest):
        msg = f"{name}: {source}@{digest} is not signed by {registry.trusted}"
        raise PolicyError(msg)
    counts = policy.trusted if is_signed else _anyone
    return Subject(name=name, repository=source, digest=digest, counts=counts)


def _replaced(
    variant: Variant, every: Sequence[Variant], target: Repository, digest: str
) -> frozenset[str]:
    """Return the images that users find under the variant's names now, itself left out."""
    found = {target.manifest_digest(tag) for tag in tags.of(variant, every)}
    return frozenset(other for other in found if other is not None and other != digest)


def _standing(image: Subject) -> Standing:
    """Return what decides on the image's names, as its push has noted it."""
    piece = image.newest(Kind.RELEASE)
    standing = notes.parse(Standing, piece.content, about=image.digest) if piece else None
    if standing is None or standing.identifier != image.name:
        msg = f"{image} was not pushed as that image; `dockwright push` it"
        raise RecordError(msg)
    return standing


def _anyone(_repository: Repository, _digest: str) -> bool:
    return True


def _require_media_type(name: str, source: Repository, digest: str, registry: Registry) -> None:
    manifest = source.get_manifest(digest)
    kind = manifest.media_type if manifest else None
    if registry.media_types is MediaTypes.DOCKER and kind != MANIFEST_TYPE:
        msg = f"{name}: {source}@{digest} is a {kind}; {registry.place} takes only {MANIFEST_TYPE}"
        raise PolicyError(msg)
