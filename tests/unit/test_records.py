"""Records are written whole or not at all, and none of another shape or image is believed."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest

from dockwright.errors import RecordError
from dockwright.spec import records
from dockwright.spec.records import CheckRecord, SmokeRecord, Status

if TYPE_CHECKING:
    from pathlib import Path

CHECKS = tuple(
    CheckRecord(name=f"common/{status}", status=status, seconds=0.5, detail="as told")
    for status in (Status.PASSED, Status.PASSED, Status.FAILED, Status.DEFERRED)
)
RECORD = SmokeRecord(
    checks_sha256="c" * 64,
    identifier="pytorch-1",
    digest="sha256:" + "a" * 64,
    finished_at="2026-01-01T00:00:00+00:00",
    seconds=2.0,
    checks=CHECKS,
)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    path = records.write(tmp_path, "smoke", RECORD)
    assert path == tmp_path / "pytorch-1" / "smoke.json"
    assert records.read(tmp_path, "pytorch-1", "smoke", SmokeRecord) == RECORD


def test_a_deferred_check_is_not_passed() -> None:
    assert [RECORD.count(status) for status in Status] == [2, 1, 1]


def test_a_stage_that_has_not_run_has_no_record(tmp_path: Path) -> None:
    assert records.read(tmp_path, "pytorch-1", "smoke", SmokeRecord) is None
    told = r"^pytorch-1 has no build record; run `dockwright build pytorch-1` first$"
    with pytest.raises(RecordError, match=told):
        records.require_build(tmp_path, "pytorch-1")


@pytest.mark.parametrize("content", ["", "{", "{}", "null", '{"identifier": "pytorch-1"}', "\x00"])
def test_a_record_of_another_shape_is_refused_with_the_way_out(
    tmp_path: Path, content: str
) -> None:
    path = records.record_path(tmp_path, "pytorch-1", "smoke")
    path.parent.mkdir()
    path.write_text(content)
    with pytest.raises(RecordError, match=r"pytorch-1/smoke\.json is not a record of this version"):
        records.read(tmp_path, "pytorch-1", "smoke", SmokeRecord)


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "out" / "file"
    records.write_atomically(path, "old")
    with pytest.raises(UnicodeEncodeError):
        records.write_atomically(path, "new \ud800")
    assert path.read_text() == "old"
    assert list(path.parent.iterdir()) == [path]


def test_written_files_are_readable_by_all_and_replace_links(tmp_path: Path) -> None:
    target, path = tmp_path / "target", tmp_path / "file"
    target.write_text("theirs")
    path.symlink_to(target)
    records.write_atomically(path, "mine")
    assert target.read_text() == "theirs"
    assert stat.filemode(path.lstat().st_mode) == "-rw-r--r--"
