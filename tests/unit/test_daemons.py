"""A process is known by the file it runs, never by a pid that may have been given away."""

from __future__ import annotations

from pathlib import Path

import pytest

from dockwright.clients import daemons


def make(proc: Path, pid: int, exe: str, *, argv: str = "x", state: str = "S") -> None:
    entry = proc / str(pid)
    entry.mkdir(parents=True)
    (entry / "stat").write_text(f"{pid} (odd ) name) {state} 1 1 1", encoding="utf-8")
    (entry / "exe").symlink_to(exe)
    (entry / "cmdline").write_bytes(argv.replace(" ", "\0").encode() + b"\0")


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    path = tmp_path / "proc"
    path.mkdir()
    (path / "meminfo").touch()
    return path


def test_only_programs_of_the_folder_are_found(proc: Path, tmp_path: Path) -> None:
    programs = tmp_path / "programs"
    make(proc, 10, f"{programs}/usr/sbin/dockerd", argv="dockerd --config-file /x")
    make(proc, 11, "/usr/sbin/dockerd")
    make(proc, 12, f"{programs}-other/dockerd")
    (found,) = daemons.running(programs, proc=proc)
    assert found.pid == 10
    assert found.argv == ("dockerd", "--config-file", "/x")


def test_a_zombie_does_not_run(proc: Path, tmp_path: Path) -> None:
    make(proc, 10, f"{tmp_path}/dockerd", state="Z")
    assert daemons.running(tmp_path, proc=proc) == ()


def test_a_program_whose_file_was_replaced_is_still_known(proc: Path, tmp_path: Path) -> None:
    make(proc, 10, f"{tmp_path}/dockerd (deleted)")
    (found,) = daemons.running(tmp_path, proc=proc)
    assert found.exe_path == tmp_path / "dockerd"


def test_a_folder_reached_through_a_link_is_the_same_folder(proc: Path, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    make(proc, 10, f"{tmp_path}/real/dockerd")
    assert [p.pid for p in daemons.running(tmp_path / "link", proc=proc)] == [10]


def test_processes_of_containers_are_known_by_their_root(proc: Path) -> None:
    for pid, data in ((10, "/home/a\\040b/data"), (11, "/home/a\\040b/data-of-another")):
        make(proc, pid, "/bin/sleep")
        root = f"77 49 0:39 / / rw - overlay overlay rw,upperdir={data}/snapshots/1/fs"
        (proc / str(pid) / "mountinfo").write_text(root, encoding="utf-8")
    make(proc, 12, "/bin/sleep")
    on_host = "30 1 254:0 / / rw - ext4 x rw\n31 30 0:5 / /mnt rw - overlay o rw,lowerdir=/home/a\\040b/data/1"
    (proc / "12" / "mountinfo").write_text(on_host, encoding="utf-8")
    assert [p.pid for p in daemons.rooted_in(Path("/home/a b/data"), proc=proc)] == [10]


def test_the_tail_of_a_log_is_its_last_lines(tmp_path: Path) -> None:
    log_path = tmp_path / "log"
    assert daemons.tail(log_path) == "(no log)"
    log_path.write_text("1\n2\n3\n", encoding="utf-8")
    assert daemons.tail(log_path, lines=2) == "2\n3"
