"""A release and other versions for some of its pins in; whether they go together, or why not, out."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from packaging.version import Version

from dockwright.clients import index_versions, uv_words
from dockwright.composition.solve import Policy, name_of, solver, target
from dockwright.errors import SolveError
from dockwright.spec import cuda, pins, rules
from dockwright.spec import lock as locks
from dockwright.spec.pins import Place

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from dockwright.clients.index_versions import Offer
    from dockwright.clients.wheel_files import Target
    from dockwright.composition.solve import Indexes
    from dockwright.spec.axes import Accelerator
    from dockwright.spec.lock import Wheel
    from dockwright.spec.pins import Pin
    from dockwright.spec.variants import Release


@dataclass(frozen=True, kw_only=True, slots=True)
class Reach:
    """Asks, of one release, which versions its pins could have."""

    indexes: Indexes
    release: Release
    previous: tuple[Wheel, ...]
    policy: Policy
    store: Path
    """Where pages of indexes are kept."""
    known: dict[tuple[str, Target], tuple[Offer, ...]] = field(default_factory=dict)
    """Offers that were read already: releases ask for the same ones."""

    def offers(self, pin: Pin) -> tuple[Offer, ...]:
        """Return the versions of a pin's distribution that are there, whatever they fit."""
        if pin.place is not Place.FRAMEWORK:
            return self.offers_of(pin.name)
        # Of an accelerator that takes it from the host's own index, which dates its files.
        own = [self.release.distribution(a) for a in self.release.accelerators]
        found = next((d for d in own if d.index is None), own[0])
        return self.offers_of(found.name, (found.index,) if found.index else ())

    def offers_of(self, name: str, names: tuple[str, ...] = ()) -> tuple[Offer, ...]:
        """Return likewise of a distribution, on the host's indexes and the manifest's of `names`."""
        aim = target(self.release)
        if (name, aim) not in self.known:
            session = self.indexes.session(self.release.common, names)
            every = index_versions.offers(session, name, target=aim, store=self.store)
            # A local version is the same release, built in another way.
            self.known[name, aim] = tuple(o for o in every if "+" not in o.version)
        return self.known[name, aim]

    def versions(self, wanted: Mapping[str, str], *, lowest: bool = False) -> dict[str, str]:
        """Return the versions of all there is when some have other requirements, such as `>=2.0`.

        What is wanted and not pinned is asked for beside the pins; `lowest` takes the oldest of it
        that goes with the rest.

        Raises:
            SolveError: they do not go together; the message is the chain of reasons.
        """
        release = _with_framework(self.release, wanted)
        loose = set(wanted) - {release.framework.value}
        pinned = {pin.name for pin in pins.pins(self.release)}
        found: dict[str, str] = {}
        for accelerator in sorted(release.accelerators, reverse=True):  # cuXYZ asks for more
            lines = [
                _changed(line, wanted)
                for line in locks.requirements(release, accelerator).everything
            ]
            lines += [f"{name}{wanted[name]}" for name in sorted(loose - pinned)]
            bound = [f"{name}=={found[name]}" for name in sorted(loose & found.keys())]
            limits = rules.wanted(release.common, release.framework)
            limits = tuple(line for line in limits if _is_asked(line, lines))
            on = solver(self.indexes, release, accelerator, self.previous, self.policy)
            try:
                wheels = on.compile([*lines, *bound, *limits], lowest=lowest)
            except SolveError as e:
                raise SolveError(uv_words.chain(str(e))) from None
            _require_driver(release, accelerator, wheels)
            found = {wheel.name: wheel.version for wheel in wheels} | found
        known = {pin.name: pin.version for pin in pins.pins(self.release)}
        return known | found | {release.framework.value: release.spec.version}

    def blocked(self, wanted: Mapping[str, str]) -> str | None:
        """Return why versions do not go together, None when they do."""
        try:
            self.versions(wanted)
        except SolveError as e:
            return str(e)
        return None

    def others(self, *names: str) -> dict[str, str]:
        """Return requirements that let all other pins rise but those that name the release."""
        return {
            other.name: f">={other.version}"
            for other in pins.pins(self.release)
            if other.name not in names and not other.is_identity and other.place is not Place.TOOL
        }


def _require_driver(release: Release, accelerator: Accelerator, wheels: Iterable[Wheel]) -> None:
    """Raise SolveError if the CUDA that comes wants a newer driver than the manifest promises."""
    driver = release.spec.accelerators[accelerator.name].driver
    for wheel in wheels:
        if cuda.RUNTIME.fullmatch(wheel.name):
            real = cuda.accelerator_of(wheel.version)
            if (problem := rules.too_old(release.common, real, driver)) is not None:
                msg = f"it brings {wheel.name} {wheel.version}, and the manifest's driver {problem}"
                raise SolveError(msg)


def newest(offers: Iterable[Offer], policy: Policy, *, line: str | None = None) -> Offer | None:
    """Return the newest final version that is not withdrawn, has cooled off and fits."""
    fit = [
        offer
        for offer in offers
        if offer.fits
        and offer.yanked is None
        and not Version(offer.version).is_prerelease
        and offer.is_cool(policy.newest)
        and (line is None or f"{offer.version}.".startswith(f"{line}."))
    ]
    return fit[-1] if fit else None


def _with_framework(release: Release, wanted: Mapping[str, str]) -> Release:
    """Return the release with another version of its framework, which its requirements follow."""
    asked = wanted.get(release.framework.value)
    if asked is None:
        return release
    spec = release.spec.model_copy(update={"version": asked.removeprefix("==")})
    return replace(release, spec=spec)


def _changed(line: str, wanted: Mapping[str, str]) -> str:
    name = name_of(line)
    return f"{name}{wanted[name]}" if name in wanted and "==" in line else line


def _is_asked(limit: str, lines: Sequence[str]) -> bool:
    """Tell whether what a rule limits is asked for at all: a rule must not bring it in."""
    name = re.split(r"[<>=!]", limit, maxsplit=1)[0]
    return any(re.split(r"[\[<>=!]", line, maxsplit=1)[0] == name for line in lines)
