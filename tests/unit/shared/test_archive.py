"""Archives are unpacked where they belong, and hostile ones are refused by their member's name."""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import tarfile
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockwright_shared import archive
from dockwright_shared.errors import ContentError, DiskFullError

if TYPE_CHECKING:
    from collections.abc import Callable

Member = tuple[tarfile.TarInfo, bytes]


def member(name: str, data: bytes = b"x", kind: bytes = tarfile.REGTYPE, link: str = "") -> Member:
    """Return a member of an archive as its author likes it."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    is_file = kind == tarfile.REGTYPE
    info.size = len(data) if is_file else 0
    return info, data if is_file else b""


def packed(path: Path, *members: Member, mode: str = "w:gz") -> Path:
    """Write an archive."""
    with tarfile.open(path, mode) as tar:  # type: ignore[call-overload]
        for info, data in members:
            tar.addfile(info, io.BytesIO(data))
    return path


def folder(name: str) -> Member:
    return member(name, kind=tarfile.DIRTYPE)


def symlink(name: str, to: str) -> Member:
    return member(name, kind=tarfile.SYMTYPE, link=to)


@pytest.mark.parametrize("mode", ["w:gz", "w"])
def test_files_and_folders_come_out_as_they_were(tmp_path: Path, mode: str) -> None:
    weights = os.urandom(3_000_000)
    members = (folder("./"), folder("a"), member("./a/w", weights), member("config.json", b"{}"))
    archive.unpack(packed(tmp_path / "m.tar.gz", *members, mode=mode), tmp_path / "out")
    assert (tmp_path / "out/a/w").read_bytes() == weights
    assert (tmp_path / "out/config.json").read_bytes() == b"{}"


def test_links_inside_are_kept(tmp_path: Path) -> None:
    members = (
        member("blobs/1", b"weights"),
        symlink("snapshots/main/w", "../../blobs/1"),
        member("hard", kind=tarfile.LNKTYPE, link="blobs/1"),
    )
    archive.unpack(packed(tmp_path / "m.tar.gz", *members), tmp_path / "out")
    assert (tmp_path / "out/snapshots/main/w").read_bytes() == b"weights"
    assert (tmp_path / "out/hard").read_bytes() == b"weights"


def test_the_last_of_two_equal_names_counts(tmp_path: Path) -> None:
    members = (member("a", b"old"), member("a", b"new"))
    archive.unpack(packed(tmp_path / "m.tar.gz", *members), tmp_path / "out")
    assert (tmp_path / "out/a").read_bytes() == b"new"


def test_no_special_permission_survives(tmp_path: Path) -> None:
    info, data = member("a")
    info.mode = 0o6777
    archive.unpack(packed(tmp_path / "m.tar.gz", (info, data)), tmp_path / "out")
    assert (tmp_path / "out/a").stat().st_mode & 0o7777 == 0o755 & ~_umask()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


HOSTILE: dict[str, tuple[Member, ...]] = {
    "absolute": (member("/tmp/evil"),),  # noqa: S108
    "parent": (member("../evil"),),
    "hidden parent": (member("a/../../evil"),),
    "link out": (symlink("evil", "../outside"),),
    "absolute link": (symlink("evil", "/etc"),),
    "link to the folder above": (symlink("evil", ".."),),
    "link through a link to come": (
        symlink("evil", "a/b/../../../x"),
        symlink("a", "."),
        symlink("b", "."),
    ),
    "hard link out": (member("evil", kind=tarfile.LNKTYPE, link="../secret"),),
    "hard link to nothing": (member("evil", kind=tarfile.LNKTYPE, link="missing"),),
    "device": (member("evil", kind=tarfile.CHRTYPE),),
    "pipe": (member("evil", kind=tarfile.FIFOTYPE),),
    "sparse": (member("evil", kind=tarfile.GNUTYPE_SPARSE),),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_what_leads_out_is_refused_by_name(tmp_path: Path, case: str) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    path = packed(tmp_path / "m.tar.gz", *HOSTILE[case], member("after"))
    with pytest.raises(ContentError, match="evil"):
        archive.unpack(path, tmp_path / "out")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["m.tar.gz", "out", "secret"]
    assert not (tmp_path / "out/after").exists()


def test_nothing_is_written_through_a_link_that_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "outside").mkdir()
    path = packed(tmp_path / "m.tar.gz", folder("a"), member("a/evil"))

    def swap(self: Path, *args: object, **kwargs: object) -> None:
        make(self, *args, **kwargs)  # type: ignore[arg-type]
        if self.name == "a":
            self.rmdir()
            self.symlink_to(tmp_path / "outside")

    make = type(tmp_path).mkdir
    monkeypatch.setattr(type(tmp_path), "mkdir", swap)
    with pytest.raises(ContentError, match="a/evil"):
        archive.unpack(path, tmp_path / "out")
    assert list((tmp_path / "outside").iterdir()) == []


def test_a_bomb_is_refused_before_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "m.tar.gz"
    info = tarfile.TarInfo("zeros")
    info.size = 20 << 30
    with gzip.open(path, "wb") as out:
        out.write(info.tobuf())
        out.write(bytes(1 << 20))
    with pytest.raises(ContentError, match="zeros: it unpacks to more than 100 times"):
        archive.unpack(path, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_more_than_the_disk_holds_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "RESERVE_BYTES", 1 << 60)
    monkeypatch.setattr(archive, "RESERVE_SHARE", 1.0)
    path = packed(tmp_path / "m.tar.gz", member("weights", b"x" * 1000))
    with pytest.raises(DiskFullError, match="weights: 1,000 bytes so far"):
        archive.unpack(path, tmp_path / "out")


def test_a_million_empty_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MAX_MEMBERS", 10)
    path = packed(tmp_path / "m.tar.gz", *(member(f"f{i}", b"") for i in range(11)))
    with pytest.raises(ContentError, match="f10: more than 10 files"):
        archive.unpack(path, tmp_path / "out")


def test_a_header_of_gigabytes_is_refused_before_it_is_read(tmp_path: Path) -> None:
    info = tarfile.TarInfo("pax")
    info.type, info.size = tarfile.XHDTYPE, 4 << 30
    path = tmp_path / "m.tar.gz"
    with gzip.open(path, "wb", compresslevel=1) as out:
        out.write(info.tobuf() + bytes(1 << 20))
    with pytest.raises(ContentError, match="a header of 4294967296 bytes"):
        archive.unpack(path, tmp_path / "out")


def _cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def _flipped(data: bytes) -> bytes:
    return data[:-8] + bytes([data[-8] ^ 1]) + data[-7:]


BROKEN: dict[str, Callable[[bytes], bytes]] = {
    "cut short": _cut,
    "wrong checksum": _flipped,
    "two in one": lambda data: data + data,
    "not a tar": lambda _: gzip.compress(b"hello" * 1000),
    "not an archive": lambda _: b"hello",
    "empty": lambda _: b"",
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_archive_is_named(tmp_path: Path, case: str) -> None:
    path = packed(tmp_path / "m.tar.gz", member("a", os.urandom(100_000)))
    path.write_bytes(BROKEN[case](path.read_bytes()))
    with pytest.raises(ContentError, match=r"m\.tar\.gz"):
        archive.unpack(path, tmp_path / "out")


def _sound() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for info, data in (folder("a"), member("a/w", b"w" * 700), symlink("l", "a/w")):
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()[:4096]


_NAMES = st.sampled_from(["a", "b", "c", "a/b", "b/a", "a/b/c", "c/a", "c/b/a"])
_GOALS = st.sampled_from(
    [".", "..", "a", "b", "c", "../a", "../..", "../../b", "a/b", "b/c", "a/.."]
)
_MEMBERS = st.one_of(
    st.builds(member, _NAMES),
    st.builds(folder, _NAMES),
    st.builds(symlink, _NAMES, _GOALS),
    st.builds(member, _NAMES, kind=st.just(tarfile.LNKTYPE), link=_NAMES),
)


def unpacked_inside(room: Path, path: Path) -> None:
    """Unpack what may be hostile; whatever happens, it happens inside of one folder."""
    with contextlib.suppress(ContentError):
        archive.unpack(path, room / "out")
    assert {p.name for p in room.iterdir()} <= {path.name, "out"}
    inside = os.path.realpath(room / "out")
    places = [os.path.realpath(p) for p in (room / "out").rglob("*")]
    assert all(Path(place).is_relative_to(inside) for place in places)


@given(st.lists(_MEMBERS, max_size=7))
def test_no_order_of_links_leads_out(members: list[Member]) -> None:
    with tempfile.TemporaryDirectory() as name:
        unpacked_inside(Path(name), packed(Path(name, "m.tar"), *members, mode="w"))


@given(st.data())
def test_damaged_archives_are_unpacked_inside_or_refused(data: st.DataObject) -> None:
    damaged = bytearray(_sound())
    for place in data.draw(st.lists(st.integers(0, len(damaged) - 1), max_size=6)):
        damaged[place] = data.draw(st.integers(0, 255))
    whole = bytes(damaged)[: data.draw(st.integers(0, len(damaged)))]
    with tempfile.TemporaryDirectory() as name:
        path = Path(name, "m.tar.gz")
        path.write_bytes(gzip.compress(whole) if data.draw(st.booleans()) else whole)
        unpacked_inside(Path(name), path)
