"""What a user asks for, in a few words, and what there is, in; the one image to take out.

What is not asked for is decided for the user: the newest framework, then the newest Transformers,
then the newest CUDA. Nothing that was asked for is ever bent to find something.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

from packaging.version import Version

from dockwright.errors import NothingSelectedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dockwright.spec.variants import Variant


@dataclass(frozen=True, kw_only=True, slots=True)
class Offer:
    """One image that may be taken."""

    identifier: str
    framework: str
    version: str
    transformers: str
    python: str
    base: str
    job: str
    accelerator: str
    driver: str | None
    """The oldest NVIDIA driver that it runs on; none for an image that needs no GPU."""
    repository: str
    tag: str
    flavor: str | None = None
    """The word of the downstream team whose image it is; none for ours."""

    @property
    def kind(self) -> str:
        """`cpu` or `gpu`."""
        return "cpu" if self.accelerator == "cpu" else "gpu"

    def reference(self, place: str | None = None) -> str:
        """Return the image's name: in a registry, `HOST[/PATH]`, or in the local engine."""
        name = f"{self.repository}:{self.tag}"
        return name if place is None else f"{place.rstrip('/')}/{name}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """What an image must be; None leaves it open."""

    framework: str | None = None
    job: str | None = None
    accelerator: str | None = None
    """`cpu`, `gpu`, or one CUDA such as `cu130`."""
    version: str | None = None
    """Of the framework: `2.13.0`, or the newest of `2.13` or of `2`."""
    transformers: str | None = None
    """Likewise."""
    python: str | None = None
    base: str | None = None
    driver: str | None = None
    """The NVIDIA driver of the host that it shall run on."""
    flavor: str | None = None
    """Of a team's images; None is not open, but asks for ours."""


def of_variant(variant: Variant) -> Offer:
    """Return a variant as an offer."""
    release = variant.release
    return Offer(
        identifier=variant.identifier,
        framework=release.framework.value,
        version=release.spec.version,
        transformers=release.transformers,
        python=release.base.python,
        base=release.base.name,
        job=variant.job.value,
        accelerator=variant.accelerator.name,
        driver=variant.spec.driver,
        repository=variant.repository,
        tag=variant.tag,
        flavor=release.flavor,
    )


def choose(offers: Sequence[Offer], wanted: Wanted) -> Offer:
    """Return the newest offer that is all that is wanted; NothingSelectedError tells the nearest."""
    return fitting(offers, wanted)[0]


def fitting(offers: Sequence[Offer], wanted: Wanted) -> list[Offer]:
    """Return all such offers, the newest first; there is at least one, or it is the same error."""
    flavors = sorted({offer.flavor for offer in offers if offer.flavor is not None})
    offers = [offer for offer in offers if offer.flavor == wanted.flavor]
    if not offers and wanted.flavor is not None:
        there = f"there is: {', '.join(flavors)}" if flavors else "flavors come with --spec"
        msg = f"there is no image of flavor {wanted.flavor!r}; {there}"
        raise NothingSelectedError(msg)
    found = [offer for offer in offers if _fits(offer, wanted)]
    if not found:
        msg = f"there is no image with {_told(wanted)}; {_ways_out(offers, wanted)}"
        raise NothingSelectedError(msg)
    return sorted(found, key=age, reverse=True)


def _fits(offer: Offer, wanted: Wanted) -> bool:
    return (
        wanted.framework in {None, offer.framework}
        and wanted.job in {None, offer.job}
        and wanted.accelerator in {None, offer.accelerator, offer.kind}
        and _is_of(wanted.version, offer.version)
        and _is_of(wanted.transformers, offer.transformers)
        and wanted.python in {None, offer.python}
        and wanted.base in {None, offer.base}
        and runs_on(offer, wanted.driver)
    )


def _is_of(wanted: str | None, version: str) -> bool:
    """Tell whether a version is the wanted one or of its line."""
    return wanted is None or version == wanted or version.startswith(f"{wanted}.")


def runs_on(offer: Offer, driver: str | None) -> bool:
    """Tell whether a host with this driver, or with one that is not known, can run it."""
    return driver is None or offer.driver is None or Version(offer.driver) <= Version(driver)


def age(offer: Offer) -> tuple[Version, Version, str, str]:
    """Return what grows from an older image to a newer one."""
    return (
        Version(offer.version),
        Version(offer.transformers),
        offer.accelerator,
        offer.base,
    )


def _told(wanted: Wanted) -> str:
    asked = ((f.name, getattr(wanted, f.name)) for f in fields(wanted))
    return ", ".join(f"{name} {value}" for name, value in asked if value is not None)


def _ways_out(offers: Sequence[Offer], wanted: Wanted) -> str:
    """Tell, for each thing that was asked for, what there is when all else stays as asked."""
    ways = []
    for field in fields(wanted):
        name = field.name
        if name == "flavor" or getattr(wanted, name) is None:
            continue
        rest = [offer for offer in offers if _fits(offer, replace(wanted, **{name: None}))]
        if rest:
            ways.append(f"{name} {_listed(getattr(offer, name) for offer in rest)}")
    return f"there is: {'; '.join(ways)}" if ways else "`dockwright list` shows what there is"


def _listed(values: Iterable[str | None]) -> str:
    return ", ".join(sorted({value for value in values if value is not None}, reverse=True))
