"""Layers of wheels: one tar, the same bytes everywhere, every path once and as installed."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
import threading
from typing import TYPE_CHECKING

import pytest

import wheel_maker
from dockwright.clients import filelock
from dockwright.composition.assemble import keys, layer_store, wheel_layer
from dockwright.composition.assemble.install import Target
from dockwright.composition.layers import WheelLayer
from dockwright.composition.render import MTIME
from dockwright.errors import BuildError, BusyError, HashMismatchError
from dockwright.spec.lock import Group
from dockwright.workspace import Workspace
from wheel_maker import DATA, INFO

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

SITE = "opt/venv/lib/python3.11/site-packages"
LONG = "probe/" + "deeply/nested/" * 20 + "kernel.h"
FILES = {
    "probe/__init__.py": b"answer = 42\n" * 100,
    "probe/empty.py": b"",
    LONG: b"int main;\n",
    "probe.pth": b"import probe\n",
    f"{DATA}/scripts/tool": b"#!python -E\nprint(1)\n",
    f"{DATA}/scripts/native": b"\x7fELF",
    f"{DATA}/headers/probe.h": b"int x;\n",
    f"{DATA}/data/share/probe/notes": b"notes\n",
    f"{INFO}/entry_points.txt": b"[console_scripts]\nprobe = probe.cli:app.run\n",
    f"{INFO}/REQUESTED": b"",
    "probe/_vendor/x-1.dist-info/RECORD": b"x.py,,\nx-1.dist-info/REQUESTED,,\n",
}
MODES = {"probe/__init__.py": 0o100777}
LAUNCHER = b"""\
#!/opt/venv/bin/python3
# -*- coding: utf-8 -*-
import sys
from probe.cli import app
if __name__ == "__main__":
    if sys.argv[0].endswith("-script.pyw"):
        sys.argv[0] = sys.argv[0][:-11]
    elif sys.argv[0].endswith(".exe"):
        sys.argv[0] = sys.argv[0][:-4]
    sys.exit(app.run())
"""


def write(paths: Sequence[Path], *, inflate: bool = True) -> tuple[bytes, wheel_layer.Written]:
    blob = io.BytesIO()
    written = wheel_layer.write(
        paths, blob, target=Target(), inflate=inflate, on_bytes=lambda _: None
    )
    return blob.getvalue(), written


def read(blob: bytes) -> dict[str, tuple[tarfile.TarInfo, bytes]]:
    with tarfile.open(fileobj=io.BytesIO(blob), mode="r:gz") as tar:
        members = tar.getmembers()
        names = [member.name for member in members]
        assert names == sorted(set(names))
        files = ((m, tar.extractfile(m) if m.isreg() else None) for m in members)
        return {m.name: (m, file.read() if file is not None else b"") for m, file in files}


def test_members_scripts_launchers_headers_and_data_go_where_they_belong(tmp_path: Path) -> None:
    tree = read(write([wheel_maker.make(tmp_path, FILES, modes=MODES)])[0])
    files = {name: data for name, (member, data) in tree.items() if member.isreg()}
    record = files.pop(f"{SITE}/{INFO}/RECORD").decode().splitlines()
    assert (
        files.items()
        >= {
            f"{SITE}/probe/__init__.py": FILES["probe/__init__.py"],
            f"{SITE}/probe/empty.py": b"",
            f"{SITE}/{LONG}": b"int main;\n",
            f"{SITE}/probe.pth": b"import probe\n",
            f"{SITE}/probe/_vendor/x-1.dist-info/RECORD": b"x.py,,\n",
            f"{SITE}/{INFO}/INSTALLER": b"uv",
            "opt/venv/bin/probe": LAUNCHER,
            "opt/venv/bin/tool": b"#!/opt/venv/bin/python3\nprint(1)\n",
            "opt/venv/bin/native": b"\x7fELF",
            "opt/venv/include/site/python3.11/probe/probe.h": b"int x;\n",
            "opt/venv/share/probe/notes": b"notes\n",
        }.items()
    )
    listed = {line.partition(",")[0] for line in record}
    prefix = f"{SITE}/"
    assert listed == {
        name.removeprefix(prefix)
        if name.startswith(prefix)
        else name.replace("opt/venv", "../../..")
        for name in files
    } | {f"{INFO}/RECORD"}
    assert record == sorted(record, key=lambda line: line.partition(",")[0])
    assert not [name for name in files if name.endswith("REQUESTED") or DATA in name]


def test_every_path_belongs_to_root_has_the_one_time_and_a_mode_of_uv(tmp_path: Path) -> None:
    tree = read(write([wheel_maker.make(tmp_path, FILES, modes=MODES)])[0])
    programs = {f"{SITE}/probe/__init__.py", *(n for n in tree if n.startswith("opt/venv/bin/"))}
    for name, (member, _) in tree.items():
        assert (member.uid, member.gid, member.uname, member.mtime) == (0, 0, "", MTIME)
        assert member.isdir() or member.isreg()
        assert member.mode == (0o755 if member.isdir() or name in programs else 0o644), name


def test_digests_and_sizes_are_those_of_the_bytes(tmp_path: Path) -> None:
    blob, written = write([wheel_maker.make(tmp_path, FILES)])
    assert written.digest == f"sha256:{hashlib.sha256(blob).hexdigest()}"
    assert written.diff_id == f"sha256:{hashlib.sha256(gzip.decompress(blob)).hexdigest()}"
    assert written.size_bytes == len(blob)
    files = (member.size for member, _ in read(blob).values() if member.isreg())
    assert written.unpacked_bytes == sum(files)


def test_a_known_diff_id_changes_no_byte_of_the_layer(tmp_path: Path) -> None:
    paths = [wheel_maker.make(tmp_path, FILES)]
    (checked, with_id), (trusted, without_id) = write(paths), write(paths, inflate=False)
    assert checked == trusted
    assert with_id.digest == without_id.digest
    assert without_id.diff_id is None


def test_the_bytes_of_a_layer_change_only_with_the_layer_version(tmp_path: Path) -> None:
    # Stored, so that the wheel's own bytes do not depend on this host's zlib.
    path = wheel_maker.make(tmp_path, FILES, modes=MODES, method=0)
    _, written = write([path])
    assert (keys.LAYER_VERSION, written.digest, written.diff_id) == (
        1,
        "sha256:2bf2a4f47568993da7d31db06fa8c6614b5e0eeb6d17d7fa09c509bed31e9af6",
        "sha256:d479a8d1407dd34f85980e77b99b5950c7687b5d92a3cfb61315e7970eca5cda",
    )


def test_the_order_of_the_wheels_does_not_matter(tmp_path: Path) -> None:
    one = wheel_maker.make(tmp_path, {"shared/a.py": b"1"}, name="one")
    two = wheel_maker.make(tmp_path, {"shared/b.py": b"2"}, name="two")
    assert write([one, two]) == write([two, one])


def test_two_wheels_may_bring_the_same_file_but_not_two_of_one_name(tmp_path: Path) -> None:
    one = wheel_maker.make(tmp_path, {"shared/__init__.py": b"same"}, name="one")
    two = wheel_maker.make(tmp_path, {"shared/__init__.py": b"same"}, name="two")
    assert f"{SITE}/shared/__init__.py" in read(write([one, two])[0])
    other = wheel_maker.make(tmp_path, {"shared/__init__.py": b"else"}, name="other")
    with pytest.raises(BuildError, match=r"other-1\.0.* and one-1\.0.* install /opt/venv/"):
        write([one, other])
    under = wheel_maker.make(tmp_path, {"shared/__init__.py/x": b""}, name="under")
    with pytest.raises(BuildError, match="is a file and a folder"):
        write([one, under])


@pytest.fixture
def ws(tmp_path: Path) -> Workspace:
    return Workspace(root=tmp_path, home=tmp_path / "home")


def layer_of(ws: Workspace, *paths: Path) -> WheelLayer:
    wheels = wheel_maker.stored(ws.wheels_path, paths)
    return WheelLayer(name="tail", group=Group.COMMON, wheels=wheels, used_by=("inference/cpu",))


def test_a_layer_is_written_once_and_then_comes_from_the_store(
    ws: Workspace, tmp_path: Path
) -> None:
    layer = layer_of(ws, wheel_maker.make(tmp_path / "made", FILES))
    first = layer_store.layer_blob(ws, layer, known_diff_id=None)
    stat = first.path.stat()
    assert layer_store.layer_blob(ws, layer, known_diff_id=None) == first
    assert layer_store.layer_blob(ws, layer, known_diff_id=first.diff_id) == first
    assert first.path.stat() == stat
    blob = first.path.read_bytes()
    assert first.digest == f"sha256:{hashlib.sha256(blob).hexdigest()}"
    assert {path.name for path in first.path.parent.iterdir()} == {"blob", "facts.json", ".lock"}


def test_a_blob_that_was_changed_is_written_anew(ws: Workspace, tmp_path: Path) -> None:
    layer = layer_of(ws, wheel_maker.make(tmp_path / "made", FILES))
    first = layer_store.layer_blob(ws, layer, known_diff_id=None)
    content = first.path.read_bytes()
    first.path.write_bytes(content[:-1])
    assert layer_store.layer_blob(ws, layer, known_diff_id=None) == first
    assert first.path.read_bytes() == content


def test_a_diff_id_that_was_only_told_is_found_out_when_it_must_be(
    ws: Workspace, tmp_path: Path
) -> None:
    layer = layer_of(ws, wheel_maker.make(tmp_path / "made", FILES))
    told = layer_store.layer_blob(ws, layer, known_diff_id="sha256:told")
    assert told.diff_id == "sha256:told"
    found = layer_store.layer_blob(ws, layer, known_diff_id=None)
    assert (found.digest, found.diff_id[:7]) == (told.digest, "sha256:")
    with pytest.raises(HashMismatchError, match="the layer lock says sha256:told"):
        layer_store.layer_blob(ws, layer, known_diff_id="sha256:told")


def test_wheels_for_another_python_or_place_make_another_layer(
    ws: Workspace, tmp_path: Path
) -> None:
    layer = layer_of(ws, wheel_maker.make(tmp_path / "made", FILES))
    targets = (Target(), Target(python="3.13"), Target(venv="/opt/other"))
    assert len({keys.wheels_key(layer, target) for target in targets}) == 3


def test_a_failed_layer_leaves_nothing_and_names_the_wheel(ws: Workspace, tmp_path: Path) -> None:
    path = wheel_maker.make(tmp_path / "made", FILES)
    wheel_maker.patch(path, "probe/__init__.py", "crc", 1)
    layer = layer_of(ws, path)
    with pytest.raises(HashMismatchError, match=path.name):
        layer_store.layer_blobs(ws, [layer], known_diff_ids={})
    folder = ws.layers_path / keys.wheels_key(layer, layer_store.DEFAULT_TARGET)
    assert [path.name for path in folder.iterdir()] == [".lock"]


def test_many_layers_come_in_the_order_asked_for(ws: Workspace, tmp_path: Path) -> None:
    paths = [
        wheel_maker.make(tmp_path, {f"{n}.py": b"1" * 9**i}, name=n) for i, n in enumerate("abc")
    ]
    layers = [layer_of(ws, path) for path in paths]
    blobs = layer_store.layer_blobs(ws, layers, known_diff_ids={layers[1].key: "sha256:told"})
    assert [
        read(blob.path.read_bytes()).keys() >= {f"{SITE}/{n}.py"}
        for blob, n in zip(blobs, "abc", strict=True)
    ] == [True] * 3
    assert blobs[1].diff_id == "sha256:told"


def test_a_layer_that_another_process_writes_is_waited_for_and_then_busy(
    ws: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layer = layer_of(ws, wheel_maker.make(tmp_path / "made", FILES))
    lock = ws.layers_path / keys.wheels_key(layer, layer_store.DEFAULT_TARGET) / ".lock"
    monkeypatch.setattr(layer_store, "LOCK_WAIT_S", 0.1)
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with filelock.exclusive(lock, doing="a test", wait_s=0):
            held.set()
            done.wait(20)

    holder = threading.Thread(target=hold)
    holder.start()
    assert held.wait(20)
    try:
        with pytest.raises(BusyError, match="assembling layer tail"):
            layer_store.layer_blob(ws, layer, known_diff_id=None)
    finally:
        done.set()
        holder.join()
