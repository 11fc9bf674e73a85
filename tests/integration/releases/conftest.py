"""What tests of published images share: a registry, someone who pushes to it, and the program."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import sample
from dockwright import process
from dockwright.clients import registry_server
from dockwright.clients.registry import session
from publishing import Publisher

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from dockwright.clients.registry_session import Session
    from dockwright.workspace import Workspace

    Run = Callable[..., str]


@pytest.fixture
def registry(checkout: Workspace, tmp_path: Path) -> Iterator[Session]:
    """An empty registry of the test's own."""
    site = registry_server.site(checkout, tmp_path / "registry")
    with registry_server.temporary(site) as where, session(where) as its:
        yield its


@pytest.fixture
def publisher(registry: Session, tmp_path: Path) -> Publisher:
    """Someone with the sample's checkout, who knows the registry as staging and production."""
    made = Publisher(sample=sample.copy(tmp_path), folder=tmp_path / "layouts")
    made.know(registry.host)
    return made


@pytest.fixture
def run(publisher: Publisher, program: tuple[str, ...]) -> Run:
    """Run dockwright in the sample's checkout."""

    def run_it(*args: str) -> str:
        return process.run((*program, *args), cwd=publisher.sample.ws.root, timeout_s=120)

    return run_it
