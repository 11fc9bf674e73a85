"""Promises of the room that the serving bench runs servers in."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from bench import serving_room

if TYPE_CHECKING:
    from collections.abc import Iterator

LEAVE_TRACES = """\
echo "$PPID $(env | sort | cut -d= -f1 | xargs)" >"$TMPDIR/seen"
cp /opt/ml/model/config.json /etc/dockwright-bench-room
touch /opt/dockwright-bench-room
touch /opt/ml/model/forbidden || echo read-only
(sleep 60 &)
echo furnished
sleep 60
"""


def words(log_path: Path) -> Iterator[str]:
    """Yield the log as it grows, until it says that the room is furnished."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        yield (text := log_path.read_text(encoding="utf-8"))
        if "furnished" in text:
            return
        time.sleep(0.02)


def test_room_keeps_what_a_server_writes_and_ends_all_that_it_started(tmp_path: Path) -> None:
    model_path, log_path = tmp_path / "model", tmp_path / "log"
    model_path.mkdir()
    (model_path / "config.json").write_text("{}", encoding="utf-8")
    with serving_room.room(
        ["/bin/sh", "-c", LEAVE_TRACES],
        env={"PATH": "/usr/bin:/bin"},
        model_path=model_path,
        room_path=tmp_path / "room",
        log_path=log_path,
    ) as room:
        log = list(words(log_path))[-1]
        pids = room.pids()
        usage = room.usage(memory=True)
        assert room.is_running()
        assert "read-only\nfurnished" in log
    assert len(pids) == usage.processes == 3  # the server, its sleep and the orphan
    assert 0 < usage.pss_mib <= usage.rss_mib
    assert not room.is_running()
    assert room.pids() == ()
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
    for path in ("/etc/dockwright-bench-room", "/opt/dockwright-bench-room"):
        assert not Path(path).exists()
    assert list((tmp_path / "room").iterdir()) == []
