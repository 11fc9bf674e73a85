"""The dynamic linker's rules, kept by the checks that run where no linker may be asked."""

from __future__ import annotations

import importlib.util
import struct
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from types import ModuleType

ELF = Path(__file__).parents[1] / "smoke" / "common" / "elf.py"
DYNAMIC_AT, STRINGS_AT = 0x100, 0x800


@pytest.fixture(scope="module")
def elf() -> ModuleType:
    spec = importlib.util.spec_from_file_location("smoke_elf", ELF)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def write(
    path: Path,
    *,
    needed: tuple[str, ...] = (),
    soname: str | None = None,
    rpath: str | None = None,
    runpath: str | None = None,
    machine: int = 62,
) -> str:
    """Write a 64-bit shared object that has nothing but a dynamic section; return its path."""
    strings, tags = b"\0", []
    named = ((1, name) for name in needed)
    for tag, text in (*named, (14, soname), (15, rpath), (29, runpath)):
        if text is not None:
            tags.append((tag, len(strings)))
            strings += text.encode() + b"\0"
    address = 0x400000  # strings are addressed in memory, 0x400000 above their place in the file
    tags += [(5, address + STRINGS_AT), (0, 0)]
    dynamic = b"".join(struct.pack("<qQ", *tag) for tag in tags)
    head = struct.pack("<4sBBBB8xHHIQQQIHHHHHH", b"\x7fELF", 2, 1, 1, 0,
                       3, machine, 1, 0, 64, 0, 0, 64, 56, 2, 0, 0, 0)  # fmt: skip
    size = STRINGS_AT + len(strings)
    load = struct.pack("<IIQQQQQQ", 1, 4, 0, address, address, size, size, 0x1000)
    place = address + DYNAMIC_AT
    segment = struct.pack("<IIQQQQQQ", 2, 4, DYNAMIC_AT, place, place, len(dynamic), 0, 8)
    content = (head + load + segment).ljust(DYNAMIC_AT, b"\0") + dynamic
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.ljust(STRINGS_AT, b"\0") + strings)
    return str(path)


def lost(elf: ModuleType, *paths: str) -> set[tuple[str, str]]:
    """Return (file name, missing library) over all roots."""
    dynamics = {path: elf.read(path) for path in paths}
    return {
        (Path(path).name, name)
        for root in elf.roots(dynamics)
        for path, name in elf.missing(root, dynamics)
    }


def test_what_a_file_says_is_read(elf: ModuleType, tmp_path: Path) -> None:
    path = write(tmp_path / "a.so", needed=("b.so", "c.so"), soname="a.so.1", runpath="/x:$ORIGIN")
    dynamic = elf.read(path)
    assert dynamic.needed == ["b.so", "c.so"]
    assert dynamic.soname == "a.so.1"
    assert dynamic.runpath == ["/x", "$ORIGIN"]
    assert dynamic.machine == elf.X86_64


def test_what_is_no_dynamic_elf_file_is_passed_over(elf: ModuleType, tmp_path: Path) -> None:
    for content in (b"", b"#!/bin/sh\n" * 20, b"\x7fELF\x01\x01" + b"\0" * 100):
        (tmp_path / "file").write_bytes(content)
        assert elf.read(tmp_path / "file") is None


def test_the_interpreter_that_runs_this_is_read(elf: ModuleType) -> None:
    assert any(name.startswith("libc.so") for name in elf.read(sys.executable).needed)


def test_a_library_that_is_nowhere_is_named(elf: ModuleType, tmp_path: Path) -> None:
    a = write(tmp_path / "a.so", needed=("libgone.so.1",))
    assert lost(elf, a) == {("a.so", "libgone.so.1")}


def test_origin_is_the_files_own_folder(elf: ModuleType, tmp_path: Path) -> None:
    a = write(tmp_path / "a.so", needed=("b.so",), runpath="$ORIGIN/lib")
    b = write(tmp_path / "lib" / "b.so", soname="b.so")
    assert lost(elf, a, b) == set()


def test_an_rpath_serves_what_the_file_pulls_in_and_a_runpath_does_not(
    elf: ModuleType, tmp_path: Path
) -> None:
    b = write(tmp_path / "lib" / "b.so", needed=("c.so",), soname="b.so")
    c = write(tmp_path / "lib" / "c.so", soname="c.so")
    by_rpath = write(tmp_path / "by_rpath.so", needed=("b.so",), rpath="$ORIGIN/lib")
    assert lost(elf, by_rpath, b, c) == set()
    by_runpath = write(tmp_path / "by_runpath.so", needed=("b.so",), runpath="$ORIGIN/lib")
    assert lost(elf, by_runpath, b, c) == {("b.so", "c.so")}


def test_a_runpath_disables_the_rpath_beside_it(elf: ModuleType, tmp_path: Path) -> None:
    write(tmp_path / "lib" / "b.so", soname="b.so")
    a = write(tmp_path / "a.so", needed=("b.so",), rpath="$ORIGIN/lib", runpath="/nowhere")
    assert lost(elf, a) == {("a.so", "b.so")}


def test_what_is_loaded_already_is_not_looked_for_again(elf: ModuleType, tmp_path: Path) -> None:
    b = write(tmp_path / "lib" / "b.so", needed=("c.so",), soname="b.so")
    c = write(tmp_path / "lib" / "c.so", soname="c.so")
    a = write(tmp_path / "a.so", needed=("b.so", "c.so"), runpath="$ORIGIN/lib")
    assert lost(elf, a, b, c) == set()


def test_a_need_may_be_a_path_of_its_own(elf: ModuleType, tmp_path: Path) -> None:
    write(tmp_path / "lib" / "b.so", soname="b.so")
    a = write(tmp_path / "a.so", needed=("$ORIGIN/lib/b.so", "$ORIGIN/lib/gone.so"))
    assert lost(elf, a) == {("a.so", "$ORIGIN/lib/gone.so")}
