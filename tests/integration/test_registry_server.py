"""A registry on loopback answers for as long as it is wanted, and leaves nothing running."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import httpx
import pytest

from dockwright.clients import daemons, registry_server
from dockwright.errors import BusyError, NetworkError
from dockwright.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    home = tmp_path_factory.mktemp("home")
    return Workspace(root=home, home=home)


@pytest.fixture
def site(workspace: Workspace, tmp_path: Path) -> Iterator[registry_server.Site]:
    place = registry_server.site(workspace, tmp_path / "registry")
    yield place
    registry_server.down(place)


def test_a_registry_answers_within_the_block_and_is_gone_after_it(
    site: registry_server.Site,
) -> None:
    with registry_server.temporary(site) as address:
        assert httpx.get(f"http://{address}/v2/").status_code == 200
        assert address.startswith("127.0.0.1:")
    assert daemons.running(site.programs_path) == ()
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://{address}/v2/")


def test_up_twice_is_one_registry_and_another_port_is_refused(site: registry_server.Site) -> None:
    address = registry_server.up(site)
    assert registry_server.up(site) == address
    assert len(daemons.running(site.programs_path)) == 1
    with pytest.raises(BusyError, match=address):
        registry_server.up(site, port=1)


def test_two_folders_are_two_registries(
    workspace: Workspace, site: registry_server.Site, tmp_path: Path
) -> None:
    other = registry_server.site(workspace, tmp_path / "other")
    with registry_server.temporary(site) as one, registry_server.temporary(other) as two:
        assert one != two
        registry_server.down(site)
        assert httpx.get(f"http://{two}/v2/").status_code == 200


def test_a_killed_registry_comes_up_again(site: registry_server.Site) -> None:
    registry_server.up(site)
    (daemon,) = daemons.running(site.programs_path)
    os.kill(daemon.pid, signal.SIGKILL)
    address = registry_server.up(site)
    assert httpx.get(f"http://{address}/v2/").status_code == 200


def test_a_taken_port_is_refused(
    workspace: Workspace, site: registry_server.Site, tmp_path: Path
) -> None:
    other = registry_server.site(workspace, tmp_path / "other")
    with registry_server.temporary(site) as taken:
        port = int(taken.rpartition(":")[2])
        with pytest.raises(NetworkError, match="Address already in use"):
            registry_server.up(other, port=port)
        assert len(daemons.running(site.programs_path)) == 1
