"""Wheel layers in; for each the layer of its compiled modules, made by the image's own Python, out.

The base image's Python runs from its unpacked layer under its own dynamic loader: no daemon, no
root, no other Python on the machine. Both builders lay the same files, so that they stay equal.
"""

from __future__ import annotations

import json
import marshal
import re
import shutil
import tarfile
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from dockwright import console, process
from dockwright.clients import filelock
from dockwright.composition import compile_modules, compress, oci_layout, wheels
from dockwright.composition.assemble import keys, tar_header
from dockwright.composition.assemble.layer_store import LayerBlob
from dockwright.composition.render import MTIME, VENV
from dockwright.spec.base_lock import BASE
from dockwright.spec.image import sha256

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dockwright.composition.base import BaseImages
    from dockwright.composition.layers import WheelLayer
    from dockwright.workspace import Workspace

TIMEOUT_S = 600.0
LOCK_WAIT_S = 3600.0
LIBRARIES = "usr/lib/x86_64-linux-gnu"
LOADER = f"{LIBRARIES}/ld-linux-x86-64.so.2"
PYTHON_FILES = re.compile(
    rf"usr/bin/python3|usr/lib/python3|{LIBRARIES}/(ld-linux|lib(c|m|z|expat|dl|pthread|util)\.)"
)
"""What the interpreter needs: itself, its standard library, and what both are linked with."""


def layer_blob(ws: Workspace, layer: WheelLayer, base: BaseImages, *, python: str) -> LayerBlob:
    """Return the layer of a wheel layer's compiled modules, made now unless the store has it."""
    folder = ws.layers_path / keys.bytecode_key(layer, base.lock, python=python)
    doing = f"compiling the modules of layer {layer.name}"
    with filelock.exclusive(folder / ".lock", doing=doing, wait_s=LOCK_WAIT_S):
        stored = _stored(folder)
        if stored is None:
            with console.step(doing):
                stored = _write(ws, folder, layer, base, python)
    return stored


def _write(
    ws: Workspace, folder: Path, layer: WheelLayer, base: BaseImages, python: str
) -> LayerBlob:
    root = _unpacked(ws, base)
    site = f"{VENV}/lib/python{python}/site-packages"
    tag = "cpython-" + python.replace(".", "")
    with tempfile.TemporaryDirectory(prefix="dockwright-compile-") as scratch:
        work = Path(scratch, "work")
        work.write_bytes(marshal.dumps(sorted(_sources(ws, layer)), compile_modules.FORMAT))
        _run(root, python, compile_modules.__file__, work, site, MTIME)
        # Modules that are gone from their wheels are left out.
        made = dict(marshal.loads(work.read_bytes()))  # noqa: S302 - written by our program
        files = {_cache_path(f"{site}/{path}", tag): made[path] for path in made}
        tar = _tar({path.strip("/"): content for path, content in files.items()})
        work.write_bytes(tar)
        _run(root, python, compress.__file__, work)
        blob = work.read_bytes()
    facts = {
        "digest": sha256(blob),
        "diff_id": sha256(tar),
        "size_bytes": len(blob),
        "unpacked_bytes": sum(map(len, files.values())),
    }
    oci_layout.write_atomically(folder / "blob", blob)
    oci_layout.write_atomically(folder / "facts.json", json.dumps(facts).encode())
    stored = _stored(folder)
    assert stored is not None, "the layer was written just now"
    return stored


def _run(root: Path, python: str, program: str, *args: object) -> None:
    """Run a program under the base's Python; nothing of our environment has a say in it."""
    argv = [
        *("env", "--ignore-environment", f"PYTHONHOME={root / 'usr'}", "PYTHONHASHSEED=0"),
        *("LC_ALL=C.UTF-8", root / LOADER, "--library-path", root / LIBRARIES),
        *(root / f"usr/bin/python{python}", "-S", "-B", "-W", "ignore", program, *args),
    ]
    process.run(list(map(str, argv)), timeout_s=TIMEOUT_S)


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


def _stored(folder: Path) -> LayerBlob | None:
    try:
        facts = json.loads((folder / "facts.json").read_bytes())
    except FileNotFoundError:
        return None
    path = folder / "blob"
    if not path.is_file() or path.stat().st_size != facts["size_bytes"]:
        return None
    return LayerBlob(path=path, **facts)


def _unpacked(ws: Workspace, base: BaseImages) -> Path:
    """Return a folder with the base's programs and libraries, unpacked once."""
    digest = base.lock.image(BASE).layer_digest
    folder = ws.home / "tools" / f"base-{digest[7:19]}"
    lock_path = ws.home / "tools" / f".base-{digest[7:19]}.lock"
    with filelock.exclusive(lock_path, doing="unpacking the base", wait_s=LOCK_WAIT_S):
        if not folder.is_dir():
            part = folder.with_name(f".{folder.name}.part")
            shutil.rmtree(part, ignore_errors=True)
            with tarfile.open(oci_layout.blob_path(base.layout_path, digest), "r:gz") as archive:
                _unpack(archive, part)
            part.rename(folder)
    return folder


def _unpack(archive: tarfile.TarFile, folder: Path) -> None:
    """Write Python, its standard library and what it is linked with; links within a folder only."""
    for member in archive:
        name = member.name.removeprefix("./")
        if not PYTHON_FILES.match(name):
            continue
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if member.isreg():
            file = archive.extractfile(member)
            assert file is not None, "a regular file has content"
            with file, target.open("wb") as copy:
                shutil.copyfileobj(file, copy)
            target.chmod(member.mode)
        elif member.issym() and "/" not in member.linkname:
            target.symlink_to(member.linkname)
