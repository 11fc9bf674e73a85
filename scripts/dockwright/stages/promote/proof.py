"""An image in a registry in; what is proven of it there, or why it is not to be promoted, out."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, TypeVar

from pydantic import ValidationError

from dockwright.clients import evidence, publication
from dockwright.errors import DockwrightError, PolicyError, RecordError, RegistryError, SmokeError
from dockwright.spec import publication as notes
from dockwright.spec.evidence import Kind
from dockwright.spec.image import MANIFEST_TYPE
from dockwright.spec.publication import Standing
from dockwright.spec.records import BenchRecord, BenchVerdict, SmokeRecord, Status, SuiteStatus
from dockwright.spec.registries import MediaTypes, Requirement

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from dockwright.clients.registry import Repository
    from dockwright.spec.records import Record
    from dockwright.spec.registries import Registry
    from dockwright.spec.variants import Variant

    R = TypeVar("R", bound=Record)
    Trusted = Callable[[Repository, str], bool]
    """Tells whether the trusted key has signed what a digest names."""


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

    @property
    def digest(self) -> str:
        return self.standing.digest


def prove(
    variants: Sequence[Variant],
    source: Callable[[Variant], Repository],
    target: Callable[[Variant], Repository],
    registry: Registry,
    waivers: Waivers,
    trusted: Trusted,
) -> tuple[Proven, ...]:
    """Return all images, proven, or one error that names all that are not, and why."""
    proven: list[Proven] = []
    problems: list[DockwrightError] = []
    for variant in variants:
        try:
            proven.append(
                _proven(variant, source(variant), target(variant), registry, waivers, trusted)
            )
        except DockwrightError as e:
            problems.append(e)
    if problems:
        raise type(problems[0])("\n".join(map(str, problems)))
    used = {check for each in proven for check in each.waived}
    if idle := [p for p in waivers.reasons if not any(fnmatchcase(c, p) for c in used)]:
        msg = f"--waive {', '.join(idle)}: no check of that name is deferred; leave it out"
        raise PolicyError(msg)
    return tuple(proven)


def _proven(
    variant: Variant,
    source: Repository,
    target: Repository,
    registry: Registry,
    waivers: Waivers,
    trusted: Trusted,
) -> Proven:
    name = variant.identifier
    digest = source.manifest_digest(variant.tag)
    if digest is None:
        msg = f"{name}: {source}:{variant.tag} is not there; `dockwright push` it first"
        raise RegistryError(msg)
    for repository in (source, target):
        if yank := publication.yank_of(repository, digest):
            msg = f"{name}: {repository}@{digest} was {yank}"
            raise PolicyError(msg)
    _require_media_type(name, source, digest, registry)
    is_signed = Requirement.SIGNATURE in registry.requires
    if is_signed and not trusted(source, digest):
        msg = f"{name}: {source}@{digest} is not signed by {registry.key}"
        raise PolicyError(msg)
    counts = trusted if is_signed else _anyone
    standing = _standing(name, source, digest, counts)
    deferred = _smoke(name, source, digest, counts)
    if Requirement.BENCH in registry.requires:
        deferred += _bench(name, source, digest, counts)
    waived = waivers.of(deferred)
    if open_checks := [check for check in deferred if check not in waived]:
        msg = (
            f"{name}: {', '.join(open_checks)} deferred: make them where there is a GPU, or "
            "answer for it with --waive CHECK=REASON --owner NAME"
        )
        raise PolicyError(msg)
    return Proven(variant=variant, source=source, standing=standing, waived=waived)


def _standing(name: str, source: Repository, digest: str, counts: Trusted) -> Standing:
    """Return what decides on the image's names, as its push has noted it."""
    pieces = [p for p in evidence.found(source, digest, Kind.RELEASE) if counts(source, p.digest)]
    standing = notes.parse(Standing, pieces[-1].content, about=digest) if pieces else None
    if standing is None or standing.identifier != name:
        msg = f"{name}: {source}@{digest} was not pushed as that image; `dockwright push` it"
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


def _smoke(name: str, source: Repository, digest: str, counts: Trusted) -> list[str]:
    """Return the checks that were deferred; raise unless all others have passed."""
    record = _newest(name, source, digest, Kind.SMOKE, SmokeRecord, counts)
    if failed := [check.name for check in record.checks if check.status is Status.FAILED]:
        msg = f"{name}: {', '.join(failed)} failed on {digest}"
        raise SmokeError(msg)
    if not record.count(Status.PASSED):
        msg = f"{name}: no check has passed on {digest}; run `dockwright smoke` and push again"
        raise SmokeError(msg)
    return [check.name for check in record.checks if check.status is Status.DEFERRED]


def _bench(name: str, source: Repository, digest: str, counts: Trusted) -> list[str]:
    """Return the suites that were deferred; raise unless all others were measured and no worse."""
    record = _newest(name, source, digest, Kind.BENCH, BenchRecord, counts)
    bad = [
        s.name for s in record.suites if s.status in {SuiteStatus.FAILED, SuiteStatus.UNFINISHED}
    ]
    bad += [
        f"{suite.name} {metric.name}"
        for suite in record.suites
        for metric in suite.metrics
        if metric.verdict is BenchVerdict.WORSE
    ]
    if bad or not record.suites:
        what = f"{', '.join(bad)} failed or worse" if bad else "nothing was measured"
        msg = f"{name}: benchmarks of {digest}: {what}"
        raise PolicyError(msg)
    return [f"bench/{s.name}" for s in record.suites if s.status is SuiteStatus.DEFERRED]


def _newest(
    name: str, source: Repository, digest: str, kind: Kind, model: type[R], counts: Trusted
) -> R:
    """Return the latest record of an image that counts."""
    pieces = [p for p in evidence.found(source, digest, kind) if counts(source, p.digest)]
    if not pieces:
        msg = (
            f"{name}: {source}@{digest} has no {kind} record that counts; "
            f"run `dockwright {kind} {name}` and push again"
        )
        raise RecordError(msg)
    try:
        record = model.model_validate_json(pieces[-1].content)
    except ValidationError as e:
        msg = f"{name}: the {kind} record of {digest} cannot be read ({e.error_count()} problems)"
        raise RecordError(msg) from None
    if (record.digest, record.identifier) != (digest, name):
        msg = (
            f"{name}: the {kind} record beside {digest} is of {record.identifier}, {record.digest}"
        )
        raise RecordError(msg)
    return record
