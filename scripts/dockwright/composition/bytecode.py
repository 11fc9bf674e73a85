"""Wheel layers in; for each the layer of its compiled modules, made by the image's own Python, out.

Both builders lay the same files, so that they stay equal.
"""

from __future__ import annotations

import marshal
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from dockwright import console
from dockwright.clients import filelock
from dockwright.composition import base_python, compile_modules, compress, wheels
from dockwright.composition.assemble import keys, tar_header
from dockwright.composition.render import MTIME, VENV
from dockwright.spec.image import sha256

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dockwright.composition.assemble.layer_store import LayerBlob
    from dockwright.composition.base import BaseImages
    from dockwright.composition.layers import WheelLayer
    from dockwright.workspace import Workspace

LOCK_WAIT_S = 3600.0


def layer_blob(ws: Workspace, layer: WheelLayer, base: BaseImages, *, python: str) -> LayerBlob:
    """Return the layer of a wheel layer's compiled modules, made now unless the store has it."""
    folder = ws.layers_path / keys.bytecode_key(layer, base.lock, python=python)
    doing = f"compiling the modules of layer {layer.name}"
    with filelock.exclusive(folder / ".lock", doing=doing, wait_s=LOCK_WAIT_S):
        stored = base_python.stored(folder)
        if stored is None:
            with console.step(doing):
                stored = _write(ws, folder, layer, base, python)
    return stored


def _write(
    ws: Workspace, folder: Path, layer: WheelLayer, base: BaseImages, python: str
) -> LayerBlob:
    root = base_python.unpacked(ws, base)
    site = f"{VENV}/lib/python{python}/site-packages"
    tag = "cpython-" + python.replace(".", "")
    with tempfile.TemporaryDirectory(prefix="dockwright-compile-") as scratch:
        work = Path(scratch, "work")
        work.write_bytes(marshal.dumps(sorted(_sources(ws, layer)), compile_modules.FORMAT))
        base_python.run(root, python, compile_modules.__file__, work, site, MTIME)
        # Modules that are gone from their wheels are left out.
        made = dict(marshal.loads(work.read_bytes()))  # noqa: S302 - written by our program
        files = {_cache_path(f"{site}/{path}", tag): made[path] for path in made}
        tar = _tar({path.strip("/"): content for path, content in files.items()})
        work.write_bytes(tar)
        base_python.run(root, python, compress.__file__, work)
        blob = work.read_bytes()
    unpacked_bytes = sum(map(len, files.values()))
    return base_python.store(folder, blob, diff_id=sha256(tar), unpacked_bytes=unpacked_bytes)


def _sources(ws: Workspace, layer: WheelLayer) -> Iterator[tuple[str, bytes]]:
    wheels.verify(ws.wheels_path, layer.wheels)
    wanted = set(layer.modules)
    for wheel in layer.wheels:
        with zipfile.ZipFile(wheels.path_of(ws.wheels_path, wheel)) as archive:
            for name in wanted.intersection(archive.namelist()):
                yield name, archive.read(name)


def _tar(files: Mapping[str, bytes]) -> bytes:
    folders = {str(parent) for path in files for parent in Path(path).parents} - {"."}
    tar = bytearray()
    for path in sorted(files.keys() | folders):
        if path in folders:
            tar += tar_header.header(f"{path}/", kind=tar_header.DIRECTORY, mode=0o755)
            continue
        size = len(files[path])
        tar += tar_header.header(path, kind=tar_header.REGULAR, mode=0o644, size_bytes=size)
        tar += files[path] + tar_header.padding(size)
    return bytes(tar) + tar_header.END


def _cache_path(path: str, tag: str) -> str:
    """Return where a Python of that tag looks for a module's byte code.

    >>> _cache_path("a/b.py", "cpython-311")
    'a/__pycache__/b.cpython-311.pyc'
    """
    folder, _, name = path.rpartition("/")
    return f"{folder}/__pycache__/{name.removesuffix('.py')}.{tag}.pyc"
