"""`dockwright sizes`: what weighs in the images, against their budgets and the build before."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from dockwright import console
from dockwright.cli.common import Globs, Json, here, select
from dockwright.spec import records
from dockwright.spec.records import BuildRecord

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dockwright.composition.sharing import Share
    from dockwright.composition.sizes import Change, Part
    from dockwright.spec.variants import Variant
    from dockwright.workspace import Workspace

BIGGEST = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Sizes:
    """One image, as it was built or, if it was not yet, as it is planned."""

    variant: Variant
    record: BuildRecord | None
    share: Share
    layers: tuple[Part, ...]
    packages: tuple[Part, ...]
    changes: tuple[Change, ...] | None
    """Since the build before, if there was one."""

    @property
    def size_bytes(self) -> int:
        return sum(layer.size_bytes for layer in self.layers)

    @property
    def unpacked_bytes(self) -> int | None:
        return self.record.unpacked_bytes if self.record else None

    @property
    def grown_bytes(self) -> int | None:
        if self.changes is None:
            return None
        return sum(change.grown_bytes for change in self.changes)


def sizes(globs: Globs = None, *, as_json: Json = False) -> None:
    """Show what images weigh, their biggest layers and packages, and what has grown."""
    ws = here()
    found = weigh(ws, select(ws, globs))
    for one in () if as_json else found:
        console.out(f"{one.variant.identifier}:")
        console.table(("  LAYER", "COMPRESSED", "UNPACKED"), _rows(one.layers))
        console.table(("  PACKAGE", "COMPRESSED", "UNPACKED"), _rows(one.packages))
        for change in (one.changes or ())[:BIGGEST]:
            console.out(f"  since the build before: {change.name} {_signed(change.grown_bytes)}")
        console.out("")
    show(found, as_json=as_json)


def show(found: Sequence[Sizes], *, as_json: bool) -> None:
    """Show what images weigh: a line for each, or all that is known as JSON."""
    if as_json:
        console.out_json([_data(one) for one in found])
    else:
        console.table(HEADER, [_row(one) for one in found])


def weigh(ws: Workspace, variants: Sequence[Variant]) -> tuple[Sizes, ...]:
    """Return what the images weigh, as built or as planned."""
    from dockwright.composition import sharing  # noqa: PLC0415 - slow to import
    from dockwright.composition import sizes as parts  # noqa: PLC0415 - likewise
    from dockwright.spec import lock as locks  # noqa: PLC0415 - likewise
    from dockwright.stages.plan import forecast  # noqa: PLC0415 - likewise

    forecasts = forecast(ws, variants)
    stacks = [parts.as_built(sharing.weigh(f.image, f.assembled), f.record) for f in forecasts]
    shares = sharing.shares(stacks)
    found = []
    for variant, plan, share in zip(variants, forecasts, shares, strict=True):
        lock = locks.load(ws.buildspec_path, variant.release)
        before = records.read(ws.out_path, variant.identifier, "build-before", BuildRecord)
        record = plan.record
        found.append(
            Sizes(
                variant=variant,
                record=record,
                share=share,
                layers=parts.layers(share.stack, record),
                packages=parts.packages(lock, variant.folder, store=ws.wheels_path),
                changes=parts.changes(record, before) if record and before else None,
            )
        )
    return tuple(found)


HEADER = ("IDENTIFIER", "COMPRESSED", "UNPACKED", "LAYERS", "SHARED", "BUILT IN", "CHANGE")


def _row(one: Sizes) -> tuple[str, ...]:
    variant = one.variant
    return (
        variant.identifier,
        _within(one.size_bytes, variant.budget_bytes),
        _within(one.unpacked_bytes, variant.unpacked_budget_bytes),
        str(len(one.layers)),
        console.human_bytes(one.share.shared_bytes),
        f"{one.record.seconds:.1f} s" if one.record else "not yet",
        "" if one.grown_bytes is None else _signed(one.grown_bytes),
    )


def _rows(parts: Iterable[Part]) -> list[tuple[str, ...]]:
    return [
        (f"  {part.name}", console.human_bytes(part.size_bytes), _within(part.unpacked_bytes, None))
        for part in tuple(parts)[:BIGGEST]
    ]


def _within(size_bytes: int | None, budget_bytes: int | None) -> str:
    size = "?" if size_bytes is None else console.human_bytes(size_bytes)
    return size if budget_bytes is None else f"{size} of {console.human_bytes(budget_bytes)}"


def _signed(grown_bytes: int) -> str:
    return f"{'-' if grown_bytes < 0 else '+'}{console.human_bytes(abs(grown_bytes))}"


def _data(one: Sizes) -> dict[str, Any]:
    return {
        "identifier": one.variant.identifier,
        "digest": one.record.digest if one.record else None,
        "size_bytes": one.size_bytes,
        "budget_bytes": one.variant.budget_bytes,
        "unpacked_bytes": one.unpacked_bytes,
        "unpacked_budget_bytes": one.variant.unpacked_budget_bytes,
        "shared_bytes": one.share.shared_bytes,
        "seconds": one.record.seconds if one.record else None,
        "grown_bytes": one.grown_bytes,
        "changes": None if one.changes is None else [asdict(change) for change in one.changes],
        "layers": [asdict(part) for part in one.layers],
        "packages": [asdict(part) for part in one.packages],
    }
