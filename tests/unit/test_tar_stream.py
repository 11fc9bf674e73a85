"""Files that go through a tar stream arrive as they were; what leads out of the folder does not."""

from __future__ import annotations

import io
import os
import tarfile
from typing import TYPE_CHECKING

import pytest

from dockwright.clients import tar_stream

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def in_pieces(content: bytes, size: int = 100) -> Iterator[bytes]:
    return (content[start : start + size] for start in range(0, len(content), size))


def test_files_and_folders_arrive_as_they_were(tmp_path: Path) -> None:
    source = tmp_path / "big"
    source.write_bytes(os.urandom(3_000_001))
    name = "a/" + "long" * 60 + "/ü.bin"
    sent = [
        tar_stream.folder("a/empty", 0o777),
        tar_stream.content("a/small", b"few"),
        *tar_stream.file(name, source, source.stat().st_size, 0o755),
        tar_stream.END,
    ]
    tar_stream.unpack(iter(sent), tmp_path / "here")
    assert (tmp_path / "here" / "a" / "empty").is_dir()
    assert (tmp_path / "here" / "a" / "small").read_bytes() == b"few"
    assert (tmp_path / "here" / name).read_bytes() == source.read_bytes()
    assert (tmp_path / "here" / name).stat().st_mode & 0o111


def test_a_file_that_shrinks_meanwhile_is_told(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"short")
    with pytest.raises(tar_stream.ShrunkError, match="log"):
        list(tar_stream.file("log", path, 6))


def test_of_two_files_of_one_name_the_first_stays(tmp_path: Path) -> None:
    for data in (b"first", b"second"):
        tar_stream.unpack(iter([tar_stream.content("x", data), tar_stream.END]), tmp_path)
    assert (tmp_path / "x").read_bytes() == b"first"


def test_links_out_of_the_folder_are_left_out_and_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, target in (("inside", "x"), ("outside", "/etc/passwd"), ("above", "../../y")):
            link = tarfile.TarInfo(f"folder/{name}")
            link.type, link.linkname = tarfile.SYMTYPE, target
            archive.addfile(link)
        escaping = tarfile.TarInfo("../escaped")
        archive.addfile(escaping, io.BytesIO())
    tar_stream.unpack(in_pieces(buffer.getvalue()), tmp_path / "here")
    assert [path.name for path in (tmp_path / "here" / "folder").iterdir()] == ["inside"]
    assert not (tmp_path / "escaped").exists()
    told = capsys.readouterr().err.splitlines()
    assert [line.partition(": left out: ")[0] for line in told] == ["warning"] * 3
