"""Tar headers: what any path, mode and size becomes, as Python's reader sees it."""

from __future__ import annotations

import io
import tarfile

from hypothesis import given
from hypothesis import strategies as st

from dockwright.composition.assemble import tar_header
from dockwright.composition.render import MTIME

NAMES = st.text(
    st.characters(min_codepoint=33, exclude_characters="/", codec="utf-8"), min_size=1, max_size=120
)
PATHS = st.lists(NAMES.filter(lambda name: name not in {".", ".."}), min_size=1, max_size=5).map(
    "/".join
)


def read(header: bytes, size_bytes: int = 0) -> tarfile.TarInfo:
    body = header + bytes(min(size_bytes, 512)) + tar_header.padding(size_bytes) + tar_header.END
    with tarfile.open(fileobj=io.BytesIO(body)) as tar:
        member = tar.next()
    assert member is not None
    return member


@given(PATHS, st.sampled_from([0o644, 0o755]), st.sampled_from([0, 1, 512]))
def test_a_file_reads_back_with_root_as_owner_and_the_one_time(
    path: str, mode: int, size_bytes: int
) -> None:
    member = read(
        tar_header.header(path, kind=tar_header.REGULAR, mode=mode, size_bytes=size_bytes),
        size_bytes,
    )
    assert (member.name, member.mode, member.size) == (path, mode, size_bytes)
    assert (member.uid, member.gid, member.uname, member.gname) == (0, 0, "", "")
    assert member.mtime == MTIME
    assert member.isreg()


@given(PATHS)
def test_a_folder_reads_back_as_a_folder(path: str) -> None:
    member = read(tar_header.header(f"{path}/", kind=tar_header.DIRECTORY, mode=0o755))
    assert (member.name, member.isdir()) == (path, True)


def test_a_path_that_ustar_can_split_needs_no_pax_header() -> None:
    path = "opt/venv/lib/python3.11/site-packages/" + "a" * 90 + "/" + "b" * 99
    header = tar_header.header(path, kind=tar_header.REGULAR, mode=0o644)
    assert len(header) == tar_header.BLOCK_BYTES
    assert read(header).name == path


def test_a_path_that_ustar_cannot_say_gets_a_pax_header() -> None:
    for path in ("x" * 101, "é", "a/" * 130 + "b"):
        header = tar_header.header(path, kind=tar_header.REGULAR, mode=0o644)
        assert len(header) > tar_header.BLOCK_BYTES
        assert read(header).name == path


def test_a_file_of_more_than_eight_gigabytes_keeps_its_size() -> None:
    for size_bytes in (8**11 - 1, 8**11, 9 << 30):
        header = tar_header.header("a", kind=tar_header.REGULAR, mode=0o644, size_bytes=size_bytes)
        member = tarfile.TarInfo()
        with tarfile.open(fileobj=io.BytesIO(header + tar_header.END)) as tar:
            member = tar.next() or member
        assert member.size == size_bytes
