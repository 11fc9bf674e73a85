"""What is left out of wheels: said for a version, gone from tar and RECORD, never idle."""

from __future__ import annotations

import io
import tarfile
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from pydantic import ValidationError

import wheel_maker
from dockwright.composition.assemble import wheel_layer
from dockwright.composition.assemble.install import Target
from dockwright.composition.layers import layers_of_release
from dockwright.errors import BuildError
from dockwright.spec import left_out
from dockwright.spec.lock import Group, LockedWheel, ReleaseLock, Wheel
from dockwright.spec.model import LeftOut
from wheel_maker import INFO

if TYPE_CHECKING:
    from pathlib import Path

SITE = "opt/venv/lib/python3.11/site-packages"
FILES = {
    "probe/__init__.py": b"answer = 42\n",
    "probe/lib/libprobe.so.1": b"\x7fELF",
    "probe/lib/libprobeMg.so.1": b"\x7fELF",
    "probe/include/probe.h": b"int x;\n",
    "probe/include/deep/er/more.h": b"int y;\n",
    "probe/include/deep/LICENSE": b"free\n",
}
FOLDERS = ("probe/include/", "probe/include/deep/er/", "probe/include/empty/")


def entry(*wheels: str, files: tuple[str, ...] = ("probe/lib/libprobeMg.so.*",)) -> LeftOut:
    return LeftOut(wheels=wheels, files=files, reason="a test")


def wheel(name: str, version: str) -> Wheel:
    return Wheel(
        name=name, version=version, filename=f"{name}.whl", sha256=name[0] * 64, size_bytes=1
    )


def layer(path: Path, *patterns: str) -> dict[str, bytes | None]:
    """Return the layer of a wheel without what the patterns say: path -> content, of a file."""
    blob = io.BytesIO()
    wheel_layer.write(
        [path], blob, target=Target(), left_out=patterns, inflate=True, on_bytes=lambda _: None
    )
    blob.seek(0)
    with tarfile.open(fileobj=blob, mode="r:gz") as tar:
        files = ((m.name, tar.extractfile(m) if m.isreg() else None) for m in tar.getmembers())
        return {name: file.read() if file else None for name, file in files}


def test_files_leave_the_layer_with_their_lines_in_record(tmp_path: Path) -> None:
    path = wheel_maker.make(tmp_path, FILES)
    whole, without = layer(path), layer(path, "probe/lib/libprobeMg.so.*", "probe/*.h")
    gone = {
        *("probe/lib/libprobeMg.so.1", "probe/include/probe.h", "probe/include/deep/er/more.h"),
        "probe/include/deep/er",  # nothing is left in it
    }
    assert whole.keys() - without.keys() == {f"{SITE}/{name}" for name in gone}
    record = f"{SITE}/{INFO}/RECORD"
    before, after = (str(tree[record]) for tree in (whole, without))
    assert all(name in before and name not in after for name in gone if "." in name)
    assert f"{INFO}/METADATA" in after
    del whole[record], without[record]
    assert without.items() <= whole.items()


def test_folders_that_a_wheel_names_go_when_they_are_emptied_and_not_before(tmp_path: Path) -> None:
    tree = layer(wheel_maker.make(tmp_path, FILES, folders=FOLDERS), "probe/*.h")
    found = {name.removeprefix(f"{SITE}/probe/") for name, content in tree.items() if not content}
    assert {"include", "include/deep", "include/empty"} <= found
    assert "include/deep/er" not in found


def test_a_pattern_without_a_file_is_refused_by_name(tmp_path: Path) -> None:
    path = wheel_maker.make(tmp_path, FILES)
    with pytest.raises(BuildError, match=r"^probe/lib/libother\.\*: no such file to leave out"):
        layer(path, "probe/*.h", "probe/lib/libother.*")


@pytest.mark.parametrize(
    "pattern",
    ["*/x.so", "../x.so", "/opt/x.so", "probe", "probe-1.0.dist-info/METADATA", "a/b c", "a/$(b)"],
)
def test_a_pattern_may_not_leave_its_package_or_reach_a_shell(pattern: str) -> None:
    with pytest.raises(ValidationError, match="files"):
        entry("probe==1.0", files=(pattern,))


def test_an_entry_holds_for_the_versions_that_it_names_alone() -> None:
    entries = (
        entry("probe==1.0", "probe==2.0", files=("probe/b/*", "probe/a/*")),
        entry("tool==1.0", files=("tool/a/*",)),
        entry("probe==2.0", files=("probe/a/*", "probe/c/*")),
    )
    locked = (wheel("probe", "2.0"), wheel("tool", "1.1"))
    assert left_out.of_wheels(entries, locked) == (
        ("probe", ("probe/a/*", "probe/b/*", "probe/c/*")),
    )
    assert left_out.idle(entries, locked) == ("probe==1.0", "tool==1.0")


def test_the_layer_without_files_is_another_layer() -> None:
    locked = LockedWheel(
        wheel=wheel("probe", "1.0"), group=Group.COMMON, used_by=("inference/cpu",)
    )
    whole = ReleaseLock(format=1, requirements_sha256="f" * 64, wheels=(locked,))
    some = replace(whole, left_out=(("probe", ("probe/lib/*",)), ("tool", ("tool/*",))))
    (one,), (other,) = layers_of_release(whole), layers_of_release(some)
    assert other.left_out == ("probe/lib/*",)
    assert one.key != other.key
