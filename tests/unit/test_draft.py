"""A draft is written back whole or not at all, and only over what it was made from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dockwright.composition import draft
from dockwright.errors import StaleError

if TYPE_CHECKING:
    from sample import Sample


def test_what_changed_is_written_and_the_rest_is_not_touched(good: Sample) -> None:
    before = good.tree()
    with draft.opened(good.ws) as opened:
        buildspec_path = opened.ws.buildspec_path
        (buildspec_path / "new.yml").write_text("new\n", encoding="utf-8")
        (buildspec_path / "common.yml").write_bytes(b"other\n")
        (buildspec_path / "tensorflow.yml").unlink()
        assert good.tree() == before
        written = opened.commit()
    assert written == ("buildspec/common.yml", "buildspec/new.yml", "buildspec/tensorflow.yml")
    expected = {**before, "buildspec/new.yml": b"new\n", "buildspec/common.yml": b"other\n"}
    del expected["buildspec/tensorflow.yml"]
    assert good.tree() == expected


def test_a_draft_that_is_not_committed_leaves_nothing(good: Sample) -> None:
    before = good.tree()
    with draft.opened(good.ws) as opened:
        (opened.ws.buildspec_path / "common.yml").write_bytes(b"other\n")
        root = opened.ws.root
    assert good.tree() == before
    assert not root.exists()


def test_a_failure_in_the_midst_of_writing_takes_back_what_was_written(good: Sample) -> None:
    with draft.opened(good.ws) as opened:
        (opened.ws.buildspec_path / "common.yml").write_bytes(b"other\n")
        (opened.ws.buildspec_path / "pytorch.yml").unlink()
        folder = opened.ws.buildspec_path / "blocked"
        folder.mkdir()
        (folder / "file.yml").write_bytes(b"x\n")
        # Where the folder would be there is a file by now.
        (good.ws.buildspec_path / "blocked").write_bytes(b"in the way\n")
        before = good.tree()
        with pytest.raises(OSError, match="blocked"):
            opened.commit()
    assert good.tree() == before


def test_what_somebody_changed_meanwhile_is_not_overwritten(good: Sample) -> None:
    with draft.opened(good.ws) as opened:
        (opened.ws.buildspec_path / "common.yml").write_bytes(b"other\n")
        (opened.ws.buildspec_path / "new.yml").write_bytes(b"new\n")
        good.edit("common.yml", "Sample (Images)", "Sample (Pictures)")
        before = good.tree()
        with pytest.raises(StaleError, match=r"buildspec/common\.yml: changed meanwhile"):
            opened.commit()
    assert good.tree() == before
