"""What `dockwright bump` shows: packages, layers and bytes before and after."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from dockwright import console
from dockwright.cli import vulnerabilities
from dockwright.cli.common import load
from dockwright.composition import components, version_changes
from dockwright.composition.sharing import weigh
from dockwright.composition.vulnerabilities import Pair
from dockwright.spec import lock as locks
from dockwright.spec import pins
from dockwright.stages.plan import forecast

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dockwright.cli.vulnerabilities import Looked
    from dockwright.composition.advisory_source import AdvisorySource
    from dockwright.composition.components import Components
    from dockwright.composition.redraft import Outcome
    from dockwright.composition.remedies import Unmended
    from dockwright.composition.version_changes import ImageChange, PackageChange
    from dockwright.spec.variants import Release, Variant
    from dockwright.workspace import Workspace

SHOWN = 12


@dataclass(frozen=True, kw_only=True, slots=True)
class Preview:
    """What a bump changes."""

    outcome: Outcome
    packages: Mapping[str, tuple[PackageChange, ...]]
    """By release, as it is called afterwards."""
    images: tuple[ImageChange, ...]
    pushed_bytes: int
    variants: tuple[Variant, ...]
    """Those whose images change."""
    looked: Looked | None
    """What becomes of known vulnerabilities."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Side:
    """A checkout, or the draft of one, and the images in it that count."""

    ws: Workspace
    variants: tuple[Variant, ...]

    def components(self, key: str) -> Components:
        """Return what a release consists of."""
        variants = [v for v in self.variants if v.release.key == key]
        return components.together(components.by_image(self.ws, variants).values())


def of(ws: Workspace, draft: Workspace, outcome: Outcome, source: AdvisorySource | None) -> Preview:
    """Return what becomes of the releases that were solved anew, and of those on other bases."""
    packages = {}
    for before, after in outcome.releases:
        direct = {pin.name for pin in pins.pins(after)}
        direct |= {distribution.name for distribution in after.file.distributions.values()}
        was, now = locks.load(ws.buildspec_path, before), locks.load(draft.buildspec_path, after)
        packages[after.key] = version_changes.packages(was, now, direct)
    old = _Side(ws=ws, variants=load(ws).variants)
    before_of = _on_other_bases(old, outcome) | {after.key: b for b, after in outcome.releases}
    every = load(draft).variants
    new = _Side(ws=draft, variants=tuple(v for v in every if v.release.key in before_of))
    images, pushed = _images(old, new, before_of)
    return Preview(
        outcome=outcome,
        packages=packages,
        images=images,
        pushed_bytes=pushed,
        variants=new.variants,
        looked=vulnerabilities.look(source, _pairs(old, new, before_of)) if source else None,
    )


def _on_other_bases(old: _Side, outcome: Outcome) -> dict[str, Release]:
    """Return the releases of which nothing but the base changes, by name."""
    changed = {line.partition(" ")[0] for line in outcome.debian}
    solved = {before.key for before, _ in outcome.releases}
    releases = {v.release.key: v.release for v in old.variants}
    return {k: r for k, r in releases.items() if r.base.name in changed and k not in solved}


def _pairs(old: _Side, new: _Side, before_of: Mapping[str, Release]) -> list[Pair]:
    """Return what the releases consist of before and after."""
    return [
        Pair(name=key, before=old.components(before.key), after=new.components(key))
        for key, before in before_of.items()
    ]


def show(found: Preview, *, as_json: bool) -> None:
    """Show what changes, for people or for programs."""
    if as_json:
        console.out_json(_data(found))
        return
    for move in found.outcome.moves:
        why = ", which it wants" if move.along else ""
        console.out(f"{move.release.key}: {move.pin.name} {move.pin.version} -> {move.to}{why}")
    for stay in found.outcome.stays:
        console.out(f"{stay.release.key}: {stay.pin.name} {stay.newest} cannot be: {stay.why}")
    for line, count in Counter(map(_unmended, found.outcome.unmended)).items():
        console.out(f"{line} (releases: {count})")
    if found.outcome.is_empty:
        return
    for line in found.outcome.debian:
        console.out(line)
    for key, changes in found.packages.items():
        console.out(f"\n{key}: packages that change: {len(changes)}")
        if changes:
            header = ("  PACKAGE", "BEFORE", "AFTER", "STEP", "PINNED", "SIZE")
            console.table(header, [_package(change) for change in changes[:SHOWN]])
        if len(changes) > SHOWN:
            console.out(f"  and {len(changes) - SHOWN} more (--json has all)")
    console.out("")
    console.table(
        ("IMAGE", "LAYERS", "TO PULL", "SIZE", "BUDGET"), [_image(image) for image in found.images]
    )
    about = "" if all(image.is_exact for image in found.images) else "about "
    console.out(f"{about}{console.human_bytes(found.pushed_bytes)} to push, each layer once")
    console.out("")
    vulnerabilities.show(found.looked)


def _images(
    old: _Side, new: _Side, before_of: Mapping[str, Release]
) -> tuple[tuple[ImageChange, ...], int]:
    """Return the changed images of releases, given what each was before, and the bytes to push."""
    there = {
        f.image.variant.identifier: weigh(f.image, f.assembled)
        for f in forecast(old.ws, old.variants)
    }
    of_before = {v: _before(old.variants, v, before_of[v.release.key]) for v in new.variants}
    changes = [
        version_changes.image(
            there.get(of_before[f.image.variant] or ""),
            weigh(f.image, f.assembled),
            is_exact=not f.assembled.unknown,
            budget_bytes=f.image.variant.budget_bytes,
        )
        for f in forecast(new.ws, new.variants)
    ]
    changed = tuple(change for change in changes if change.pulled)
    return changed, version_changes.pushed_bytes(changed, there.values())


def _before(every: Iterable[Variant], variant: Variant, release: Release) -> str | None:
    """Return the image that a variant takes the place of, or is like."""
    same = [v for v in every if v.release.key == release.key and v.job is variant.job]
    exact = [v for v in same if v.accelerator == variant.accelerator]
    kind = [v for v in same if v.accelerator.kind == variant.accelerator.kind]
    return next((v.identifier for v in (*exact, *kind)), None)


def _unmended(one: Unmended) -> str:
    known = ", ".join(one.advisories)
    return f"{one.package} {one.version} stays affected by {known}: {one.why}"


def _package(change: PackageChange) -> tuple[str, ...]:
    sign = "-" if change.grown_bytes < 0 else "+"
    return (
        f"  {change.name}",
        change.before or "",
        change.after or "",
        change.step.value,
        "yes" if change.is_direct else "",
        f"{sign}{console.human_bytes(abs(change.grown_bytes))}",
    )


def _image(change: ImageChange) -> tuple[str, ...]:
    about = "" if change.is_exact else "~"
    budget = console.human_bytes(change.budget_bytes)
    return (
        change.identifier,
        f"{len(change.pulled)} of {len(change.after.layers)}",
        about + console.human_bytes(change.pulled_bytes),
        about + console.human_bytes(change.after.size_bytes),
        f"within {budget}" if change.is_within else f"OVER {budget}",
    )


def _data(found: Preview) -> dict[str, Any]:
    return {
        "moves": [
            {
                "release": move.release.key,
                "name": move.pin.name,
                "before": move.pin.version,
                "after": move.to,
                "along": move.along,
            }
            for move in found.outcome.moves
        ],
        "stays": [
            {"release": s.release.key, "name": s.pin.name, "newest": s.newest, "why": s.why}
            for s in found.outcome.stays
        ],
        "unmended": [
            {
                "release": one.release.key,
                "package": one.package,
                "version": one.version,
                "advisories": one.advisories,
                "why": one.why,
            }
            for one in found.outcome.unmended
        ],
        "debian": list(found.outcome.debian),
        "packages": {key: [asdict(c) for c in changes] for key, changes in found.packages.items()},
        "images": [_image_data(image) for image in found.images],
        "pushed_bytes": found.pushed_bytes,
        "vulnerabilities": vulnerabilities.as_data(found.looked),
    }


def _image_data(image: ImageChange) -> dict[str, Any]:
    return {
        "identifier": image.identifier,
        "before": image.before.identifier if image.before else None,
        "size_bytes": image.after.size_bytes,
        "before_bytes": image.before.size_bytes if image.before else None,
        "budget_bytes": image.budget_bytes,
        "is_within": image.is_within,
        "is_exact": image.is_exact,
        "pulled_bytes": image.pulled_bytes,
        "pulled_layers": [layer.name for layer in image.pulled],
    }
