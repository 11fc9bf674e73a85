"""A lock file admits one holder at a time and never outlives it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dockwright.clients import filelock
from dockwright.errors import BusyError

if TYPE_CHECKING:
    from pathlib import Path


def test_a_second_holder_is_refused_and_told_who_holds_it(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "lock"
    with (
        filelock.exclusive(path, doing="first", wait_s=0),
        pytest.raises(BusyError, match=rf"second: process \d+ holds {path}"),
        filelock.exclusive(path, doing="second", wait_s=0),
    ):
        pytest.fail("two holders at once")


def test_a_lock_is_free_again_after_its_holder_failed(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with pytest.raises(RuntimeError, match="holder failed"):
        _hold_and_fail(path)
    with filelock.exclusive(path, doing="second", wait_s=0):
        assert path.read_text(encoding="utf-8").strip().isdigit()


def _hold_and_fail(path: Path) -> None:
    with filelock.exclusive(path, doing="first", wait_s=0):
        msg = "holder failed"
        raise RuntimeError(msg)
