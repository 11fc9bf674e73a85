"""Hostile and broken wheels are refused by name; odd but sound ones are read."""

from __future__ import annotations

import io
import re
import zipfile
from typing import TYPE_CHECKING

import pytest

import wheel_maker
from dockwright.composition.assemble import wheel_layer
from dockwright.composition.assemble.install import Target
from dockwright.composition.assemble.wheel_archive import opened
from dockwright.errors import BuildError, DockwrightError, HashMismatchError
from wheel_maker import DATA, FILENAME, INFO

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from wheel_maker import Row

FILE = "probe/a.py"
CONTENT = b"answer = 42\n" * 20


def assemble(path: Path) -> None:
    wheel_layer.write([path], io.BytesIO(), target=Target(), inflate=True, on_bytes=lambda _: None)


def refused(path: Path, says: str, kind: type[DockwrightError] = BuildError) -> None:
    with pytest.raises(kind, match=re.escape(says)) as caught:
        assemble(path)
    assert type(caught.value) is kind
    assert str(caught.value).startswith(f"{path.name}: refused, ")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("../../etc/cron.d/x", "leaves its folder"),
        ("probe/../../x", "leaves its folder"),
        ("/etc/passwd", "is absolute"),
        ("C:/x", "is absolute"),
        ("probe//x", "not in its shortest form"),
        ("./x", "not in its shortest form"),
        ("probe\\..\\x", "backslash or control character"),
        ("probe/\x1b[2J", "backslash or control character"),
        ("probe/a\nb", "backslash or control character"),
        ("probe/a\0.py", "holds a NUL"),
        ("x" * 256, "is too long"),
        ("/".join(["d" * 200] * 6), "is too long"),
    ],
)
def test_a_path_that_could_leave_the_environment_is_refused(
    tmp_path: Path, name: str, says: str
) -> None:
    refused(wheel_maker.make(tmp_path, {name: b"x"}), says)


@pytest.mark.parametrize(
    ("mode", "target"),
    [(0o120777, b"../../../../etc/passwd"), (0o120777, b"a.py"), (0o060644, b""), (0o010644, b"")],
)
def test_links_and_special_files_are_refused(tmp_path: Path, mode: int, target: bytes) -> None:
    path = wheel_maker.make(tmp_path, {"probe/l": target}, modes={"probe/l": mode})
    refused(path, "a link or special file")


@pytest.mark.parametrize(
    ("field", "value", "says", "kind"),
    [
        ("flags", 0x1, "encrypted", BuildError),
        ("flags", 0x2000, "encrypted", BuildError),
        ("method", 12, "compression method 12", BuildError),
        ("crc", 1, "not of the size and CRC", HashMismatchError),
        ("size", len(CONTENT) - 1, "not of the size and CRC", HashMismatchError),
        ("size", len(CONTENT) + 1, "not of the size and CRC", HashMismatchError),
        ("size", 0, "an empty file has content", BuildError),
        ("size", 90 << 20, "its declared size cannot be", BuildError),
    ],
)
def test_a_member_that_lies_about_itself_is_refused(
    tmp_path: Path, field: str, value: int, says: str, kind: type[DockwrightError]
) -> None:
    def without_size(rows: list[Row]) -> list[Row]:
        return [(name, digest, "") for name, digest, _ in rows]

    path = wheel_maker.make(tmp_path, {FILE: CONTENT}, record=without_size)
    wheel_maker.patch(path, FILE, field, value)
    refused(path, says, kind)


@pytest.mark.parametrize("field", ["flags", "method", "crc", "size"])
def test_headers_that_differ_are_refused_since_readers_would_differ_too(
    tmp_path: Path, field: str
) -> None:
    path = wheel_maker.make(tmp_path, {FILE: CONTENT})
    wheel_maker.patch(path, FILE, field, {"flags": 2, "method": 0}.get(field, 100), both=False)
    says = "a stored file has two sizes" if field == "method" else "its two zip headers differ"
    refused(path, says)


def test_bytes_around_the_archive_are_refused(tmp_path: Path) -> None:
    sound = wheel_maker.make(tmp_path, {FILE: CONTENT}).read_bytes()
    path = tmp_path / FILENAME
    path.write_bytes(b"#!/bin/sh\n" + sound)
    refused(path, "members overlap or hide bytes")
    path.write_bytes(sound + b"more")
    refused(path, "bytes follow the end")


def test_a_member_that_the_directory_does_not_list_is_refused(tmp_path: Path) -> None:
    for name in (f"{INFO}/METADATA", FILE, f"{INFO}/RECORD"):

        def hide(out: zipfile.ZipFile, name: str = name) -> None:
            out.filelist.remove(out.NameToInfo[name])

        refused(wheel_maker.make(tmp_path, {FILE: CONTENT}, finish=hide), "bytes")


def test_members_that_share_bytes_are_refused(tmp_path: Path) -> None:
    def overlap(out: zipfile.ZipFile) -> None:
        out.NameToInfo["probe/b.py"].header_offset = out.NameToInfo[FILE].header_offset

    path = wheel_maker.make(tmp_path, {FILE: CONTENT, "probe/b.py": CONTENT}, finish=overlap)
    refused(path, "members overlap or hide bytes")


def test_a_member_with_a_second_name_is_refused(tmp_path: Path) -> None:
    def rename(out: zipfile.ZipFile) -> None:
        out.NameToInfo[FILE].extra = b"up\x08\x00\x01\x00\x00\x00\x00x.py"

    path = wheel_maker.make(tmp_path, {FILE: CONTENT}, finish=rename)
    refused(path, "it has a second name")


def test_one_name_twice_is_refused(tmp_path: Path) -> None:
    def again(out: zipfile.ZipFile) -> None:
        with pytest.warns(UserWarning, match="Duplicate name"):
            out.writestr(FILE, b"other")

    refused(wheel_maker.make(tmp_path, {FILE: CONTENT}, finish=again), f"it holds {FILE} twice")


def test_a_path_that_is_a_file_and_a_folder_is_refused(tmp_path: Path) -> None:
    refused(wheel_maker.make(tmp_path, {"a": b"1", "a/b": b"2"}), "a is a file and a folder")


def test_a_wheel_that_unpacks_to_a_hundred_times_its_size_is_refused(tmp_path: Path) -> None:
    refused(wheel_maker.make(tmp_path, {FILE: bytes(101 << 20)}), "times its size")


@pytest.mark.parametrize("kept", [0, 10, 100, -1])
def test_a_file_that_is_cut_short_is_refused(tmp_path: Path, kept: int) -> None:
    path = wheel_maker.make(tmp_path, {FILE: CONTENT})
    path.write_bytes(path.read_bytes()[:kept])
    refused(path, "not a sound zip file")


def changed(name: str, row: Row | None) -> Callable[[list[Row]], list[Row]]:
    def change(rows: list[Row]) -> list[Row]:
        others = [old for old in rows if old[0] != name]
        return others if row is None else [*others, row]

    return change


HASH = wheel_maker.hash_of(CONTENT)


@pytest.mark.parametrize(
    ("name", "row", "says", "kind"),
    [
        (FILE, None, f"does not list {FILE}", BuildError),
        (FILE, (FILE, "", "1"), f"no strong hash of {FILE}", BuildError),
        (FILE, (FILE, "md5=1B2M2Y8AsgTpgAmY7PhCfg", ""), "no strong hash", BuildError),
        (FILE, (FILE, "sha256=short", ""), "no strong hash", BuildError),
        (FILE, (FILE, HASH, "1"), "lies about the size", BuildError),
        (FILE, (FILE, HASH, "-1"), "has the line", BuildError),
        (FILE, (FILE, wheel_maker.hash_of(b""), ""), "is not what RECORD tells", HashMismatchError),
        (f"{INFO}/RECORD", None, "does not list itself", BuildError),
    ],
)
def test_a_record_that_lies_is_refused(
    tmp_path: Path, name: str, row: Row | None, says: str, kind: type[DockwrightError]
) -> None:
    refused(wheel_maker.make(tmp_path, {FILE: CONTENT}, record=changed(name, row)), says, kind)


def test_a_rewritten_script_is_checked_against_record_too(tmp_path: Path) -> None:
    name = f"{DATA}/scripts/tool"
    lie = changed(name, (name, HASH, ""))
    path = wheel_maker.make(tmp_path, {name: b"#!python\n"}, record=lie)
    refused(path, "is not what RECORD tells", HashMismatchError)


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({f"{DATA}/data/bin/python3": b"x"}, "replace the environment's bin/python3"),
        ({f"{DATA}/scripts/python3.11": b"x"}, "replace the environment's bin/python3.11"),
        ({f"{DATA}/data/pyvenv.cfg": b"x"}, "replace the environment's pyvenv.cfg"),
        ({f"{DATA}/scripts/sub/x": b"x"}, "lies in a folder of scripts"),
        ({f"{DATA}/etc/x": b"x"}, "no known scheme"),
        (
            {"a.py": b"1", f"{DATA}/purelib/a.py": b"2"},
            "installs lib/python3.11/site-packages/a.py",
        ),
        ({f"{INFO}/entry_points.txt": b"[console_scripts]\n../x = a:b\n"}, "entry point"),
        ({f"{INFO}/entry_points.txt": b"[console_scripts]\npython3 = a:b\n"}, "bin/python3"),
        ({f"{INFO}/entry_points.txt": b"[console_scripts]\nx = a:b\n os.x\n"}, "entry point"),
        ({f"{INFO}/entry_points.txt": b"[console_scripts]\nx = a\n"}, "entry point"),
        ({f"{INFO}/entry_points.txt": b"x = a:b\n"}, "not sound"),
        ({f"{INFO}/WHEEL": b"Wheel-Version: 2.0\n"}, "Wheel-Version"),
        ({"other-1.0.dist-info/METADATA": b""}, "2 dist-info folders"),
        ({f"{DATA}/data/lib/python3.11/site-packages": b""}, "is a file and a folder"),
    ],
)
def test_a_wheel_that_breaks_the_install_rule_is_refused(
    tmp_path: Path, files: dict[str, bytes], says: str
) -> None:
    path = wheel_maker.make(tmp_path, files)
    with pytest.raises(BuildError, match=re.escape(says)) as caught:
        assemble(path)
    assert path.name in str(caught.value)


def test_a_wheel_under_another_package_s_name_is_refused(tmp_path: Path) -> None:
    path = wheel_maker.make(tmp_path, {}, filename="other-1.0-py3-none-any.whl")
    refused(path, "which its name does not say")


def test_stored_members_zip64_and_data_descriptors_are_read(tmp_path: Path) -> None:
    def odd(out: zipfile.ZipFile) -> None:
        with out.open(zipfile.ZipInfo("probe/wide.bin"), "w", force_zip64=True) as file:
            file.write(CONTENT)

    listed = ("probe/wide.bin", HASH, "")
    path = wheel_maker.make(
        tmp_path,
        {FILE: CONTENT},
        method=zipfile.ZIP_STORED,
        record=lambda r: [*r, listed],
        finish=odd,
    )
    described = with_descriptors(path, tmp_path / "described")
    for wheel in (path, described):
        with opened(wheel) as archive:
            for name in (FILE, "probe/wide.bin"):
                assert archive.read(archive.members[name]) == CONTENT
            assert archive.members[FILE].is_deflated == (wheel is described)
        assemble(wheel)


@pytest.mark.parametrize(("at", "what"), [(4, "CRC"), (8, "compressed size"), (12, "size")])
def test_a_data_descriptor_that_lies_is_refused(tmp_path: Path, at: int, what: str) -> None:
    path = with_descriptors(wheel_maker.make(tmp_path, {FILE: CONTENT}), tmp_path / what)
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x07\x08") + at] ^= 1
    path.write_bytes(content)
    refused(path, "its data descriptor differs from its zip header")


def test_a_zip64_size_that_only_one_header_tells_is_refused(tmp_path: Path) -> None:
    def wide(out: zipfile.ZipFile) -> None:
        with out.open(zipfile.ZipInfo("probe/wide.bin"), "w", force_zip64=True) as file:
            file.write(CONTENT)

    path = wheel_maker.make(tmp_path, {FILE: CONTENT}, finish=wide)
    content = bytearray(path.read_bytes())
    field = content.index(b"probe/wide.bin") + len("probe/wide.bin")
    assert content[field : field + 4] == b"\x01\x00\x10\x00"
    content[field + 4] ^= 1
    path.write_bytes(content)
    refused(path, "its two zip headers differ")


def with_descriptors(wheel: Path, folder: Path) -> Path:
    """Write a wheel again, as one writes who cannot go back to fill in the sizes."""
    stream = Unseekable()
    with (
        zipfile.ZipFile(wheel) as source,
        zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as out,
    ):
        for info in source.infolist():
            out.writestr(info.filename, source.read(info))
    path = folder / FILENAME
    path.parent.mkdir()
    path.write_bytes(stream.getvalue())
    return path


class Unseekable(io.BytesIO):
    """What zipfile writes data descriptors to."""

    def seekable(self) -> bool:
        return False

    def tell(self) -> int:
        raise io.UnsupportedOperation

    def seek(self, _offset: int, _whence: int = 0, /) -> int:
        raise io.UnsupportedOperation
