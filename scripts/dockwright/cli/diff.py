"""`dockwright diff`: how one image differs from another."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dockwright import console
from dockwright.cli.common import Json, here

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dockwright.composition.difference import Changed, Difference, FileChange, Side
    from dockwright.spec.variants import Variant
    from dockwright.stages.diff import Planned
    from dockwright.stages.diff_sides import Named
    from dockwright.workspace import Workspace

HELP = "HOST/NAME:TAG, a digest in the engine, an identifier or a release; REVISION:… of git."


def diff(
    a: Annotated[str, typer.Argument(metavar="A", help=HELP)],
    b: Annotated[str, typer.Argument(metavar="B", help=HELP)],
    *,
    files: Annotated[bool, typer.Option("--files", help="List the files that differ.")] = False,
    as_json: Json = False,
) -> None:
    """Show how image B differs from A: packages, layers to fetch, files, settings, checks.

    References need nothing but their registry. Identifiers are compared as built where the engine
    has both images, and else, as releases and revisions always are, by their locks.
    """
    from dockwright.stages import diff_sides  # noqa: PLC0415 - slow to import

    ws = here()
    with diff_sides.named(ws, a) as named_a, diff_sides.named(ws, b) as named_b:
        found = _compare(ws, (a, named_a), (b, named_b))
    if as_json:
        console.out_json([_data(one) for one in found])
        return
    for one in found:
        _show(one, files=files)


def _compare(
    ws: Workspace, a: tuple[str, Named | None], b: tuple[str, Named | None]
) -> list[Difference]:
    from dockwright.stages import diff, diff_sides  # noqa: PLC0415 - slow to import

    (text_a, named_a), (text_b, named_b) = a, b
    if named_a is not None and named_b is not None:
        pairs = diff_sides.pairs(named_a, named_b)
        if not diff_sides.are_built(ws, named_a, named_b):
            before = _planned(named_a, [one for one, _ in pairs])
            after = _planned(named_b, [other for _, other in pairs])
            return [diff.of_locks(one, other) for one, other in zip(before, after, strict=True)]
    with (
        diff_sides.opened(ws, text_a, diff_sides.only(named_a)) as (source_a, told_a),
        diff_sides.opened(ws, text_b, diff_sides.only(named_b)) as (source_b, told_b),
    ):
        return [diff.of_images(source_a, source_b, told_a, told_b)]


def _planned(named: Named, variants: Sequence[Variant]) -> list[Planned]:
    from dockwright.composition import sharing  # noqa: PLC0415 - slow to import
    from dockwright.stages.diff import Planned  # noqa: PLC0415 - likewise
    from dockwright.stages.plan import forecast  # noqa: PLC0415 - likewise

    prefix = f"{named.revision}:" if named.revision else ""
    return [
        Planned(
            name=f"{prefix}{variant.identifier}",
            ws=named.ws,
            variant=variant,
            stack=sharing.weigh(planned.image, planned.assembled),
        )
        for variant, planned in zip(variants, forecast(named.ws, variants), strict=True)
    ]


def _show(found: Difference, *, files: bool) -> None:
    for letter, side in (("A", found.a), ("B", found.b)):
        console.out(f"{letter}  {_described(side)}")
        if side.told.yank is not None:
            console.out(f"   {side.told.yank}")
    console.out("")
    _changes(("PACKAGE", "OF", "A", "B", "CHANGE"), found.packages)
    shared = len(found.b.stack.layers) - len(found.fetched)
    console.out(
        f"{shared} of {len(found.b.stack.layers)} layers are shared; who has A fetches "
        f"{console.human_bytes(found.fetched_bytes)} of {console.human_bytes(found.b.stack.size_bytes)}"
    )
    if found.fetched:
        rows = [(y.name, console.human_bytes(y.size_bytes), y.key) for y in found.fetched]
        console.table(("LAYER", "SIZE", "DIGEST" if found.b.digest else "KEY"), rows)
    console.out("")
    if found.files is not None:
        _files(found.files, is_listed=files)
    _changes(("SETTING", "OF", "A", "B", "CHANGE"), found.settings)
    _records("checks", found.checks, ("CHECK", "OF", "A", "B", "CHANGE"))
    _records("known vulnerabilities", found.findings, ("PACKAGE", "ADVISORY", "A", "B", "CHANGE"))


def _described(side: Side) -> str:
    digest = f" {side.digest}" if side.digest and side.digest not in side.name else ""
    size = console.human_bytes(side.stack.size_bytes)
    return f"{side.name}{digest}, {size} in {len(side.stack.layers)} layers, {side.place}"


def _changes(header: tuple[str, ...], changes: Iterable[Changed]) -> None:
    rows = [
        (
            one.name,
            one.kind,
            one.before or "-",
            one.after or "-",
            f"{one.change}, older" if one.is_older else one.change.value,
        )
        for one in changes
    ]
    if rows:
        console.table(header, rows)
        console.out("")


def _records(what: str, changes: tuple[Changed, ...] | None, header: tuple[str, ...]) -> None:
    if changes is None:
        console.out(f"{what}: not recorded of both")
    elif changes:
        _changes(header, changes)
    else:
        console.out(f"{what}: the same of both")


def _files(changes: tuple[FileChange, ...], *, is_listed: bool) -> None:
    from dockwright.composition.difference import Change, by_package  # noqa: PLC0415 - slow to import

    if is_listed:
        rows: list[tuple[str, ...]] = [
            (f.path, f.package, f.change, console.human_bytes(f.size_bytes)) for f in changes
        ]
        header: tuple[str, ...] = ("FILE", "PACKAGE", "CHANGE", "SIZE")
    else:
        kinds = (Change.ADDED, Change.REMOVED, Change.CHANGED)
        rows = [
            (package, *(str(count[kind]) for kind in kinds))
            for package, count in by_package(changes).items()
        ]
        header = ("FILES OF", *(kind.upper() for kind in kinds))
    if rows:
        console.table(header, rows)
        console.out("")


def _data(found: Difference) -> dict[str, Any]:
    return {
        "a": _side(found.a),
        "b": _side(found.b),
        "packages": [asdict(one) for one in found.packages],
        "fetched_bytes": found.fetched_bytes,
        "fetched": [asdict(layer) for layer in found.fetched],
        "settings": [asdict(one) for one in found.settings],
        "checks": None if found.checks is None else [asdict(one) for one in found.checks],
        "findings": None if found.findings is None else [asdict(one) for one in found.findings],
        "files": None if found.files is None else [asdict(one) for one in found.files],
    }


def _side(side: Side) -> dict[str, Any]:
    return {
        "name": side.name,
        "place": side.place,
        "digest": side.digest,
        "size_bytes": side.stack.size_bytes,
        "yanked": str(side.told.yank) if side.told.yank else None,
        "layers": [asdict(layer) for layer in side.stack.layers],
    }
