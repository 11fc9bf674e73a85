"""An OSV database made up for tests: entries of every shape, as a folder or a zip file."""

from __future__ import annotations

import json
import zipfile
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

PYPI = "PyPI"
DEBIAN = "Debian:12"
CRITICAL = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"
MEDIUM = "CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:L/I:L/A:N"

Json = dict[str, Any]


def affected(
    package: str,
    *events: Mapping[str, str],
    ecosystem: str = PYPI,
    versions: Sequence[str] = (),
    kind: str = "ECOSYSTEM",
    **more: object,
) -> Json:
    """Return what an entry says of a package; without events it has no range."""
    ranges = [{"type": kind, "events": [dict(event) for event in events]}] if events else []
    return {
        "package": {"ecosystem": ecosystem, "name": package, "purl": f"pkg:x/{package}"},
        "ranges": ranges,
        "versions": list(versions),
        **more,
    }


def entry(
    name: str,
    *about: Json,
    modified: str = "2026-11-25T06:00:00Z",
    published: str | None = "2026-11-20T00:00:00Z",
    vector: str | None = None,
    **more: object,
) -> Json:
    """Return an entry; `vector` is CVSS's."""
    made: Json = {
        "schema_version": "1.7.0",
        "id": name,
        "modified": modified,
        "summary": f"what {name} is about",
        "details": "…",
        "affected": list(about),
        "references": [{"type": "WEB", "url": "https://example.com"}],
    }
    if published is not None:
        made["published"] = published
    if vector is not None:
        made["severity"] = [{"type": f"CVSS_V{vector[5]}", "score": vector}]
    return made | more


def folder(path: Path, entries: Iterable[Json]) -> Path:
    """Write entries as files of a folder, as an unpacked export has them."""
    path.mkdir(parents=True, exist_ok=True)
    for one in entries:
        (path / f"{one['id']}.json").write_text(json.dumps(one), encoding="utf-8")
    return path


def zipped(path: Path, entries: Iterable[Json]) -> Path:
    """Write entries as the database exports them: one zip file."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for one in entries:
            archive.writestr(f"{one['id']}.json", json.dumps(one))
    return path


def harmless(*, modified: str = "2026-11-25T06:00:00Z") -> tuple[Json, ...]:
    """Return entries of both ecosystems about packages that no image has."""
    unbounded = {"introduced": "0"}
    return (
        entry("PYSEC-2026-1", affected("no-such-package", unbounded), modified=modified),
        entry(
            "DEBIAN-CVE-2026-1",
            affected("no-such-source", unbounded, ecosystem=DEBIAN),
            modified=modified,
        ),
    )
