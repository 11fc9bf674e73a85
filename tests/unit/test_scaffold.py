"""Of an assembled layer and its scaffold the very same wheels come again, or it is said why not."""

from __future__ import annotations

import io
import random
import zipfile
from typing import TYPE_CHECKING

import pytest

import wheel_maker
from dockwright.clients import hashing
from dockwright.composition.assemble import gzip_member, scaffold, wheel_layer
from dockwright.composition.assemble.install import Target
from dockwright.composition.assemble.scaffold import Scaffold
from dockwright.errors import HashMismatchError, RecordError
from wheel_maker import DATA, INFO

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from dockwright.composition.assemble.scaffold import LayerScaffold

TARGET = Target()
NOISE = random.Random(1).randbytes(200_000)  # noqa: S311 - it shall not compress
FILES = {
    "probe/__init__.py": b"answer = 42\n" * 100,
    "probe/empty.py": b"",
    "probe/large.bin": NOISE,  # three blocks when it is stored
    f"{DATA}/scripts/tool": b"#!python -E\nprint(1)\n",
    f"{DATA}/data/share/probe/notes": b"notes\n",
    f"{INFO}/entry_points.txt": b"[console_scripts]\nprobe = probe.cli:app.run\n",
    f"{INFO}/REQUESTED": b"",
    "probe/_vendor/x-1.dist-info/RECORD": b"x.py,,\nx-1.dist-info/REQUESTED,,\n",
}


def assembled(paths: Sequence[Path], left_out: tuple[str, ...] = ()) -> bytes:
    blob = io.BytesIO()
    wheel_layer.write(
        paths, blob, target=TARGET, left_out=left_out, inflate=False, on_bytes=hashing.ignore
    )
    return blob.getvalue()


def of_layer(paths: Sequence[Path], left_out: tuple[str, ...] = ()) -> tuple[LayerScaffold, bytes]:
    made = scaffold.of_layer(paths, target=TARGET, left_out=left_out)
    assert made is not None
    return made


def again(blob: bytes, layer: LayerScaffold, glue: bytes, into: Path) -> dict[str, str]:
    into.mkdir()
    return scaffold.rebuilt(io.BytesIO(blob), layer, glue, into=into, target=TARGET)


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED])
def test_the_wheels_come_again_byte_by_byte(tmp_path: Path, method: int) -> None:
    paths = [
        wheel_maker.make(tmp_path / "a", FILES, method=method, folders=("probe/",)),
        # The same file of another wheel is in the layer once.
        wheel_maker.make(
            tmp_path / "b", {"probe/__init__.py": FILES["probe/__init__.py"]}, name="b"
        ),
    ]
    layer, glue = of_layer(paths)
    (restored,) = scaffold.loads(
        scaffold.dumps(Scaffold(layer_version=1, layers=((layer, glue),)))
    ).layers
    assert restored == (layer, glue)
    made = again(assembled(paths), *restored, tmp_path / "again")
    assert made == {path.name: hashing.sha256_of(path) for path in paths}
    for path in paths:
        assert (tmp_path / "again" / path.name).read_bytes() == path.read_bytes()
    # What is in the layer as it is stands in no scaffold.
    assert NOISE[:1000] not in glue
    assert sum(map(sum, (wheel.lengths for wheel in layer.wheels))) + len(glue) == sum(
        path.stat().st_size for path in paths
    )


@pytest.mark.parametrize("at", range(0, 2000, 97))
def test_a_layer_that_was_changed_gives_no_wheels(tmp_path: Path, at: int) -> None:
    paths = [wheel_maker.make(tmp_path / "a", FILES)]
    layer, glue = of_layer(paths)
    blob = bytearray(assembled(paths))
    start, length = layer.wheels[0].offsets[0], layer.wheels[0].lengths[0]
    blob[start + at % length] ^= 1
    with pytest.raises(HashMismatchError, match=r"probe-1\.0-py3-none-any\.whl made again is"):
        again(bytes(blob), layer, glue, tmp_path / "again")


def test_sound_wheels_do_not_vouch_for_a_layer_with_more_in_it(tmp_path: Path) -> None:
    paths = [wheel_maker.make(tmp_path / "a", FILES)]
    layer, glue = of_layer(paths)
    more = replace_digest(layer, "sha256:" + "7" * 64)
    blob = assembled(paths) + gzip_member.member(b"more")
    with pytest.raises(HashMismatchError, match=f"assembled again are {layer.digest}"):
        again(blob, more, glue, tmp_path / "again")


def test_little_that_is_left_out_travels_and_much_does_not(tmp_path: Path) -> None:
    noise = random.Random(0).randbytes  # noqa: S311 - it shall not compress
    files = {"probe/a.bin": noise(1_500_000), "probe/b.bin": noise(2_000)}
    paths = [wheel_maker.make(tmp_path / "a", files)]
    some = of_layer(paths, ("probe/b.bin",))
    assert files["probe/b.bin"] in some[1]
    made = again(assembled(paths, ("probe/b.bin",)), *some, tmp_path / "again")
    assert made == {paths[0].name: hashing.sha256_of(paths[0])}
    assert scaffold.of_layer(paths, target=TARGET, left_out=("probe/a.bin",)) is None


@pytest.mark.parametrize("content", [b"", b"{}", b"x" * 100])
def test_what_is_no_scaffold_is_refused(content: bytes) -> None:
    with pytest.raises(RecordError, match="no scaffold of format 1"):
        scaffold.loads(content)


def replace_digest(layer: LayerScaffold, digest: str) -> LayerScaffold:
    return layer.model_copy(update={"digest": digest})
