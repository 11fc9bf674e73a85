"""An image's records in; where in registries it is, and whether it was yanked there, out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dockwright.clients import publication, registry, registry_reference
from dockwright.clients.registry import Repository
from dockwright.errors import DockwrightError
from dockwright.spec import records
from dockwright.spec.records import PromoteRecord, PushRecord

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from dockwright.clients.registry_session import Session
    from dockwright.spec.records import BuildRecord

    Open = Callable[[str], AbstractContextManager[Session]]


def of(out_path: Path, image: BuildRecord, open_: Open = registry.session) -> dict[str, str]:
    """Return where this very image went, by how; and what the registries say when it was yanked.

    A registry that cannot be asked is told, too: that no yank is known then says nothing.
    """
    name = image.identifier
    places = {
        "pushed": records.read(out_path, name, "push", PushRecord),
        "promoted": records.read(out_path, name, "promote", PromoteRecord),
    }
    found: dict[str, str] = {}
    yanks: list[str | None] = []
    for word, record in places.items():
        if record is not None and record.digest == image.digest:
            found[word] = f"{record.repository}:{record.immutable_tag} on {record.finished_at}"
            yanks.append(_yank(record.repository, image.digest, open_))
    if told := [yank for yank in yanks if yank]:
        found["yanked"] = "; ".join(told)
    return found


def _yank(name: str, digest: str, open_: Open) -> str | None:
    reference = registry_reference.parse(f"{name}@{digest}")
    try:
        with open_(reference.host) as session:
            repository = Repository(session=session, name=reference.repository)
            yank = publication.yank_of(repository, digest)
    except DockwrightError as e:
        return f"unknown: {e}"
    return f"in {name}: {yank}" if yank else None
