"""The checkout is found from any folder in it; the machine's home is told or in the user's cache."""

from __future__ import annotations

from pathlib import Path

import pytest

from dockwright import workspace
from dockwright.errors import ManifestError


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "buildspec").mkdir()
    (tmp_path / "buildspec" / "common.yml").touch()
    return tmp_path


def test_the_home_is_the_one_told_else_in_the_user_s_cache(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKWRIGHT_HOME", "/told")
    assert str(workspace.find(checkout).home) == "/told"
    monkeypatch.setenv("DOCKWRIGHT_HOME", "")
    monkeypatch.setenv("XDG_CACHE_HOME", "/cache")
    assert str(workspace.find(checkout).home) == "/cache/dockwright"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/home/me")
    assert str(workspace.find(checkout).home) == "/home/me/.cache/dockwright"


def test_a_workspace_is_found_from_below_and_never_from_outside(checkout: Path) -> None:
    below = checkout / "a" / "b"
    below.mkdir(parents=True)
    assert workspace.find(below).root == checkout
    with pytest.raises(ManifestError, match=r"^/: no buildspec/common\.yml here or above"):
        workspace.find(Path("/"))
