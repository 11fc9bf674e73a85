"""An add-on's archive in; the layer of what is in it, the same bytes on every machine, out.

Whoever packed it has no say but for names, contents and which files are programs. Both builders lay
this very layer.
"""

from __future__ import annotations

import posixpath
import tarfile
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from dockwright import console
from dockwright.clients import filelock, hashing
from dockwright.composition import base_python, compress, wheels
from dockwright.composition.assemble import keys, tar_header
from dockwright.errors import BuildError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import IO

    from dockwright.composition.assemble.layer_store import LayerBlob
    from dockwright.composition.base import BaseImages
    from dockwright.composition.layers import WheelLayer
    from dockwright.workspace import Workspace

LOCK_WAIT_S = 3600.0


@dataclass(slots=True)
class Content:
    """What an archive holds, by path from the image's root."""

    files: dict[str, tarfile.TarInfo] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    folders: set[str] = field(default_factory=set)


def layer_blob(ws: Workspace, layer: WheelLayer, base: BaseImages, *, python: str) -> LayerBlob:
    """Return the layer of an archive, made now unless the store has it.

    Raises:
        BuildError: the archive is none, or holds what must not be in an image.
    """
    folder = ws.layers_path / keys.archive_key(layer, base.lock)
    doing = f"unpacking {layer.wheels[0].filename}"
    with filelock.exclusive(folder / ".lock", doing=doing, wait_s=LOCK_WAIT_S):
        stored = base_python.stored(folder)
        if stored is None:
            with console.step(doing):
                stored = _write(ws, folder, layer, base, python)
    return stored


def paths(ws: Workspace, layer: WheelLayer) -> frozenset[str]:
    """Return the files and links that an archive brings, from the image's root."""
    with _opened(ws, layer) as archive:
        content = read(archive, layer)
    return frozenset(content.files.keys() | content.links.keys())


def _write(
    ws: Workspace, folder: Path, layer: WheelLayer, base: BaseImages, python: str
) -> LayerBlob:
    root = base_python.unpacked(ws, base)
    with tempfile.TemporaryDirectory(prefix="dockwright-unpack-") as scratch:
        work = Path(scratch, "work")
        with _opened(ws, layer) as archive, work.open("wb") as file:
            content = read(archive, layer)
            unpacked_bytes = sum(member.size for member in content.files.values())
            for piece in tar(archive, content):
                file.write(piece)
        diff_id = f"sha256:{hashing.sha256_of(work)}"
        base_python.run(root, python, compress.__file__, work)
        blob = work.read_bytes()
        return base_python.store(folder, blob, diff_id=diff_id, unpacked_bytes=unpacked_bytes)


def _opened(ws: Workspace, layer: WheelLayer) -> tarfile.TarFile:
    wheels.verify(ws.wheels_path, layer.wheels)
    (file,) = layer.wheels
    try:
        return tarfile.open(wheels.path_of(ws.wheels_path, file), "r:gz")
    except (tarfile.TarError, OSError, EOFError) as e:
        raise _refused(layer, f"it is no tar.gz file ({e})") from None


def read(archive: tarfile.TarFile, layer: WheelLayer) -> Content:
    """Return what an archive holds; BuildError where an image must not."""
    assert layer.into is not None
    content = Content()
    for member in archive:
        path = _path(layer, member.name)
        if member.isdir():
            content.folders.add(path)
            continue
        if path in content.files or path in content.links:
            raise _refused(layer, f"it has {member.name} twice")
        if member.issym():
            content.links[path] = _target(layer, path, member.linkname)
        elif member.isreg() or member.islnk():
            content.files[path] = _of_hard_link(archive, layer, member)
        else:
            raise _refused(layer, f"{member.name} is neither file, folder nor link")
    for path in [*content.files, *content.links, *content.folders]:
        content.folders.update(str(parent) for parent in Path(path).parents)
    content.folders.discard(".")
    if clash := content.folders & (content.files.keys() | content.links.keys()):
        raise _refused(layer, f"/{min(clash)} is a folder and something else")
    return content


def _of_hard_link(
    archive: tarfile.TarFile, layer: WheelLayer, member: tarfile.TarInfo
) -> tarfile.TarInfo:
    """Return the member that holds a file's bytes: a file with two names becomes two files."""
    while member.islnk():
        try:
            member = archive.getmember(member.linkname)
        except KeyError:
            raise _refused(layer, f"{member.name} is a link to nothing") from None
    return member


def _path(layer: WheelLayer, name: str) -> str:
    """Return where a member goes, from the image's root."""
    assert layer.into is not None
    path = posixpath.normpath(posixpath.join(layer.into, name.lstrip("/")))
    if path != layer.into and not path.startswith(f"{layer.into}/"):
        raise _refused(layer, f"{name} leads out of {layer.into}")
    return path.lstrip("/")


def _target(layer: WheelLayer, path: str, target: str) -> str:
    """Return what a link leads to, which must be of the add-on."""
    whole = posixpath.normpath(posixpath.join("/", posixpath.dirname(path), target))
    if not whole.startswith(f"{layer.into}/"):
        raise _refused(layer, f"/{path} leads to {target}, out of {layer.into}")
    return target


def tar(archive: tarfile.TarFile, content: Content) -> Iterator[bytes]:
    """Yield the layer, uncompressed."""
    for path in sorted(content.folders | content.files.keys() | content.links.keys()):
        if path in content.folders:
            yield tar_header.header(f"{path}/", kind=tar_header.DIRECTORY, mode=0o755)
        elif path in content.links:
            link = content.links[path]
            yield tar_header.header(path, kind=tar_header.SYMLINK, mode=0o777, link=link)
        else:
            member = content.files[path]
            mode = 0o755 if member.mode & 0o100 else 0o644
            size = member.size
            yield tar_header.header(path, kind=tar_header.REGULAR, mode=mode, size_bytes=size)
            file = archive.extractfile(member)
            assert file is not None, "a regular file has content"
            yield from _pieces(file)
            yield tar_header.padding(size)
    yield tar_header.END


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    while piece := file.read(hashing.CHUNK_BYTES):
        yield piece


def _refused(layer: WheelLayer, what: str) -> BuildError:
    return BuildError(f"{layer.name}: {layer.wheels[0].filename} is refused: {what}")
