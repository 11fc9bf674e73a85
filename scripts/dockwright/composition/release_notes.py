"""A release and what it has otherwise than the one before in; what is to be told of it out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dockwright.composition import readme
from dockwright.spec import pins
from dockwright.spec.catalog import Change, Release

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dockwright.composition.version_changes import PackageChange
    from dockwright.spec.catalog import Catalog
    from dockwright.spec.variants import Release as ManifestRelease


def release(its: ManifestRelease, since: str | None, changes: Sequence[PackageChange]) -> Release:
    """Return what the catalogue tells of a release; the first of a framework has no changes."""
    spec = its.spec
    direct_first = sorted(changes, key=lambda change: not change.is_direct)
    return Release(
        title=f"{its.file.title} {spec.version} with Transformers {its.transformers}",
        image=spec.image,
        pins=pins.versions(its),
        conflicts={allowed.line.removesuffix("."): allowed.reason for allowed in spec.pip_check},
        since=since,
        changes=tuple(
            Change(
                name=change.name,
                before=change.before,
                after=change.after,
                step=change.step,
                is_direct=change.is_direct,
            )
            for change in (direct_first if since else ())
        ),
    )


def markdown(catalog: Catalog, key: str) -> str:
    """Return a release's notes, as a page of releases takes them."""
    return "\n".join(_sections(catalog, key))


def _sections(catalog: Catalog, key: str) -> Iterator[str]:
    its = catalog.releases[key]
    images = [image for image in catalog.images if image.release == key]
    first = images[0]
    yield f"# {its.title}\n"
    yield (
        f"Image version {its.image}, Python {first.python}, {first.base}. Released {first.ga}, "
        f"patched until {first.end_of_patch}.\n"
    )
    rows = ((f"`{i.repository}:{i.tag}`", i.digest or "not there") for i in images)
    yield readme.table(("image", "digest"), rows)
    yield "## Pinned\n"
    yield readme.table(("package", "version"), its.pins.items())
    if its.since:
        yield f"## Changed since {its.since}\n"
        header = ("package", "before", "after", "step")
        changed = ((c.name, c.before or "", c.after or "", c.step) for c in its.changes)
        yield readme.table(header, changed)
    if its.conflicts:
        yield "## Known conflicts\n"
        yield "".join(f"- {line}: {why}\n" for line, why in its.conflicts.items())
