"""`dockwright changelog`: which packages changed between two revisions, as Markdown."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from dockwright import console
from dockwright.cli.common import Advisories, here, ours_alone

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dockwright.composition.version_changes import PackageChange
    from dockwright.stages.changelog import ReleaseChange


def changelog(
    between: Annotated[
        str,
        typer.Argument(
            metavar="FROM..TO",
            help="Two revisions of git, or two releases such as 'dockwright plan' names.",
        ),
    ],
    *,
    advisories: Advisories = None,
) -> None:
    """Print as Markdown which packages changed, those that are pinned first, sizes, and CVEs."""
    from dockwright.cli import vulnerabilities  # noqa: PLC0415 - slow to import
    from dockwright.composition import advisory_source  # noqa: PLC0415 - likewise
    from dockwright.stages import changelog as stage  # noqa: PLC0415 - likewise

    before, dots, after = between.partition("..")
    if not dots or not before:
        msg = f"{between!r} is not FROM..TO"
        raise typer.BadParameter(msg)
    ws, now = here(), datetime.now(UTC)
    ours_alone(ws, "ask for our releases")
    found = stage.between(ws, before, after or "HEAD")
    if not found.releases and not found.debian:
        console.say("no package has changed")
        return
    looked = None
    if advisories:
        source = advisory_source.of(ws.buildspec_path, advisories, now)
        looked = vulnerabilities.look(source, found.pairs)
    for release in found.releases:
        _show(release)
    if found.debian:
        console.out("## Debian packages\n")
        for line in found.debian:
            console.out(f"- {line}")
        console.out("")
    vulnerabilities.markdown(looked)


def _show(release: ReleaseChange) -> None:
    if release.before is None or release.after is None:
        title = f"{release.after} (new)" if release.before is None else f"{release.before} (gone)"
        console.out(f"## {title}\n")
        if release.after is None:
            return
    elif release.before == release.after:
        console.out(f"## {release.after}\n")
    else:
        console.out(f"## {release.before} -> {release.after}\n")
    _table("pinned", [change for change in release.packages if change.is_direct])
    _table("came along", [change for change in release.packages if not change.is_direct])
    for folder, (before, after) in release.wheel_bytes.items():
        sizes = f"{console.human_bytes(before)} -> {console.human_bytes(after)}"
        console.out(f"- {folder}: {sizes} of wheels")
    console.out("")


def _table(title: str, changes: Sequence[PackageChange]) -> None:
    if not changes:
        return
    console.out(f"| {title} | before | after | step |\n| --- | --- | --- | --- |")
    for change in changes:
        console.out(
            f"| {change.name} | {change.before or ''} | {change.after or ''} | {change.step} |"
        )
    console.out("")
