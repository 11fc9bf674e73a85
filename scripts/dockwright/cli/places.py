"""What `promote`, `rollback` and `yank` share: repositories of a registry, who signs, what time it is."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from dockwright.clients.registry import Repository
    from dockwright.clients.registry_session import Session
    from dockwright.spec.registries import Target
    from dockwright.workspace import Workspace

In = Annotated[
    str,
    typer.Option("--in", metavar="NAME|HOST[/PATH]", help="The registry."),
]


@contextmanager
def opened(target: Target) -> Iterator[Session]:
    """Yield an open client of a registry."""
    from dockwright.clients import registry  # noqa: PLC0415 - slow to import

    with registry.session(target.host) as session:
        yield session


def at(session: Session, target: Target, name: str) -> Repository:
    """Return the repository of a name below the registry's path."""
    return named(session, target.repository(name))


def named(session: Session, name: str) -> Repository:
    """Return the repository of a whole name."""
    from dockwright.clients.registry import Repository  # noqa: PLC0415 - slow to import

    return Repository(session=session, name=name)


def signs(ws: Workspace) -> Callable[[Repository, Sequence[str]], None]:
    """Return what signs, where this process may; without a key, notes stay unsigned."""
    from dockwright.clients import cosign  # noqa: PLC0415 - slow to import

    signer = cosign.signer(ws.home)
    if signer is None:
        return lambda _repository, _digests: None
    return lambda repository, digests: cosign.sign(signer, repository, digests)


def now() -> str:
    """Return the time as notes have it."""
    return datetime.now(UTC).isoformat(timespec="seconds")
