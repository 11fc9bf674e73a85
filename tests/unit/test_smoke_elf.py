"""The dynamic linker's rules, kept by the checks that run where no linker may be asked."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import smoke_scripts
from elf_maker import write

if TYPE_CHECKING:
    from types import ModuleType


@pytest.fixture(scope="module")
def elf() -> ModuleType:
    return smoke_scripts.module("common/elf")


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


def test_what_the_linkers_cache_names_is_found_where_it_says(
    elf: ModuleType, tmp_path: Path
) -> None:
    driver = write(tmp_path / "host" / "libcuda.so.1")
    a = write(tmp_path / "a.so", needed=("libcuda.so.1", "libgone.so"))
    dynamics = {a: elf.read(a)}
    cached = {"libcuda.so.1": driver, "libgone.so": str(tmp_path / "gone")}
    assert list(elf.missing(a, dynamics, cached)) == [(a, "libgone.so")]
