"""Wheels and the layer that was assembled of them in; what turns the layer back into wheels out.

A layer holds its wheels' compressed members as they are, in another order. All else of a wheel, its
zip headers and the few members that are installed differently, is glue. The glue, and which bytes
of the layer go between, make the very wheel again, which its locked hash proves: a scaffold needs
no trust.
"""

from __future__ import annotations

import io
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dockwright.clients import hashing
from dockwright.composition.assemble import gzip_member, wheel_layer
from dockwright.errors import HashMismatchError, RecordError
from dockwright.spec.base_lock import Digest, Sha256
from dockwright.spec.lock import Filename

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path
    from typing import IO

    from typing_extensions import Buffer

    from dockwright.composition.assemble.install import Target
    from dockwright.composition.assemble.wheel_archive import WheelArchive
    from dockwright.composition.assemble.wheel_layer import OnMember, Written
    from dockwright.composition.assemble.zip_directory import Member

    _Range = tuple[int, int, int]
    """Where bytes are in the wheel, where in the layer, and how many they are."""

FORMAT: Final = 1
Count = Annotated[int, Field(ge=0)]
MOST_GLUE, SMALL_BYTES = 0.1, 1_000_000
"""The share of glue in large wheels: what is usual is a twentieth, packed a hundredth."""
BLOCK_HEADER_BYTES = 5
"""Before each block of a stored member: DEFLATE's own, and so no part of the wheel."""


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", defer_build=True)


class WheelScaffold(_Strict):
    """How one wheel comes out of a layer: alternately glue and a range of the layer's bytes."""

    filename: Filename
    sha256: Sha256
    glue: tuple[Count, ...]
    """How many bytes of glue stand before each range, and after the last one."""
    offsets: tuple[Count, ...]
    lengths: tuple[Count, ...]


class LayerScaffold(_Strict):
    """The wheels of one layer, in the order in which it was assembled of them."""

    digest: Digest
    left_out: tuple[str, ...]
    """Patterns of files of the wheels that the layer does without: they are glue."""
    wheels: tuple[WheelScaffold, ...]


class _Head(_Strict):
    format: Literal[1]
    layer_version: int
    layers: tuple[LayerScaffold, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Scaffold:
    """All wheels of an image, by layer."""

    layer_version: int
    """Of the rule by which layers are laid: by the same one, these wheels give these layers."""
    layers: tuple[tuple[LayerScaffold, bytes], ...]
    """Each with its wheels' glue, one after the other."""


class _Nowhere(io.RawIOBase):
    """A file that keeps nothing."""

    def writable(self) -> bool:
        return True

    def write(self, data: Buffer) -> int:
        return len(memoryview(data))


def of_layer(
    paths: Sequence[Path], *, target: Target, left_out: tuple[str, ...]
) -> tuple[LayerScaffold, bytes] | None:
    """Return the scaffold and the glue of the layer that the wheels make.

    None where so much of them is left out that the glue would be too large to travel.
    """
    ranges: dict[str, list[_Range]] = {path.name: [] for path in paths}

    def on_member(archive: WheelArchive, member: Member, at: int) -> None:
        ranges[archive.filename] += _ranges(member, at + len(gzip_member.HEADER))

    layer = _assemble(paths, target=target, left_out=left_out, on_member=on_member)
    size_bytes = sum(path.stat().st_size for path in paths)
    glue_bytes = size_bytes - sum(length for found in ranges.values() for *_, length in found)
    if glue_bytes > max(SMALL_BYTES, MOST_GLUE * size_bytes):
        return None
    wheels, glue = [], bytearray()
    for path in paths:
        wheel, more = _of_wheel(path, sorted(ranges[path.name]))
        wheels.append(wheel)
        glue += more
    made = LayerScaffold(digest=layer.digest, left_out=left_out, wheels=tuple(wheels))
    return made, bytes(glue)


def rebuilt(
    blob: IO[bytes], layer: LayerScaffold, glue: bytes, *, into: Path, target: Target
) -> dict[str, str]:
    """Make a layer's wheels again, and of them the layer; return their sha256 by file name.

    HashMismatchError unless the wheels have the hashes that the scaffold tells, and give the layer.
    """
    rest = io.BytesIO(glue)
    paths = []
    for wheel in layer.wheels:
        path = into / wheel.filename
        with path.open("wb") as file:
            _rebuild(blob, wheel, rest, file)
        if (actual := hashing.sha256_of(path)) != wheel.sha256:
            msg = f"{wheel.filename} made again is {actual}, not {wheel.sha256}"
            raise HashMismatchError(msg)
        paths.append(path)
    digest = _assemble(paths, target=target, left_out=layer.left_out).digest
    if digest != layer.digest:
        msg = f"{', '.join(path.name for path in paths)} assembled again are {digest}"
        raise HashMismatchError(msg)
    return {wheel.filename: wheel.sha256 for wheel in layer.wheels}


def dumps(scaffold: Scaffold) -> bytes:
    """Return the scaffold as it is attached: a line of JSON and the glue, compressed."""
    head = _Head(
        format=FORMAT,
        layer_version=scaffold.layer_version,
        layers=tuple(layer for layer, _ in scaffold.layers),
    )
    glue = b"".join(glue for _, glue in scaffold.layers)
    return zlib.compress(head.model_dump_json().encode() + b"\n" + glue)


def loads(content: bytes) -> Scaffold:
    """Read a scaffold; RecordError when it is none."""
    try:
        line, _, glue = zlib.decompress(content).partition(b"\n")
        head = _Head.model_validate_json(line)
    except (zlib.error, ValidationError) as e:
        msg = f"it is no scaffold of format {FORMAT}: {type(e).__name__}"
        raise RecordError(msg) from None
    rest = io.BytesIO(glue)
    sizes = [sum(sum(wheel.glue) for wheel in layer.wheels) for layer in head.layers]
    layers = tuple((layer, rest.read(size)) for layer, size in zip(head.layers, sizes, strict=True))
    return Scaffold(layer_version=head.layer_version, layers=layers)


def _assemble(
    paths: Iterable[Path],
    *,
    target: Target,
    left_out: Iterable[str],
    on_member: OnMember | None = None,
) -> Written:
    return wheel_layer.write(
        paths,
        io.BufferedWriter(_Nowhere()),
        target=target,
        left_out=left_out,
        inflate=False,
        on_bytes=hashing.ignore,
        on_member=on_member,
    )


def _ranges(member: Member, at: int) -> Iterator[_Range]:
    """Yield which bytes of the wheel lie where in the layer; stored ones lie there in blocks."""
    if member.is_deflated:
        yield member.offset, at, member.compressed_bytes
        return
    for start in range(0, member.compressed_bytes, gzip_member.STORED_BYTES):
        length = min(gzip_member.STORED_BYTES, member.compressed_bytes - start)
        at += BLOCK_HEADER_BYTES
        yield member.offset + start, at, length
        at += length


def _of_wheel(path: Path, ranges: Sequence[_Range]) -> tuple[WheelScaffold, bytes]:
    glue, sizes, position = bytearray(), [], 0
    with path.open("rb") as file:
        for start, _, length in (*ranges, (path.stat().st_size, 0, 0)):
            file.seek(position)
            glue += file.read(start - position)
            sizes.append(start - position)
            position = start + length
    wheel = WheelScaffold(
        filename=path.name,
        sha256=hashing.sha256_of(path),
        glue=tuple(sizes),
        offsets=tuple(at for _, at, _ in ranges),
        lengths=tuple(length for *_, length in ranges),
    )
    return wheel, bytes(glue)


def _rebuild(blob: IO[bytes], wheel: WheelScaffold, glue: IO[bytes], file: IO[bytes]) -> None:
    ranges = zip(wheel.offsets, wheel.lengths, strict=True)
    for size, (at, length) in zip(wheel.glue, (*ranges, (0, 0)), strict=True):
        file.write(glue.read(size))
        blob.seek(at)
        left = length
        while left and (piece := blob.read(min(left, hashing.CHUNK_BYTES))):
            file.write(piece)
            left -= len(piece)
