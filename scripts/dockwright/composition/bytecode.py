"""Wheel layers in; for each the layer of its compiled modules, made by the image's own Python, out.

The base image's Python runs from its unpacked layer under its own dynamic loader: no daemon, no
root, no other Python on the machine. Both builders lay the same files, so that they stay equal.
"""

from __future__ import annotations

import hashlib
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
from dockwright.composition import compile_modules, oci_layout, wheels
from dockwright.composition.assemble import tar_header
from dockwright.composition.assemble.layer_store import LayerBlob
from dockwright.composition.render import MTIME, VENV
from dockwright.spec.base_lock import BASE

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
    digest = base.lock.image(BASE).layer_digest
    program = Path(compile_modules.__file__).read_bytes()
    facts = (digest, python, VENV, layer.bytecode_key, hashlib.sha256(program).hexdigest())
    folder = ws.layers_path / hashlib.sha256("\n".join(facts).encode()).hexdigest()
    doing = f"compiling the modules of layer {layer.name}"
    with filelock.exclusive(folder / ".lock", doing=doing, wait_s=LOCK_WAIT_S):
        stored = _stored(folder)
        if stored is None:
            with console.step(doing):
                files = _compiled(ws, layer, base, python)
                stored = _write(folder, files, python)
    return stored


def _compiled(
    ws: Workspace, layer: WheelLayer, base: BaseImages, python: str
) -> Mapping[str, bytes]:
    """Return path of the source -> .pyc for the layer's modules; those that are gone are left out."""
    root = _unpacked(ws, base)
    folder = f"{VENV}/lib/python{python}/site-packages"
    with tempfile.TemporaryDirectory(prefix="dockwright-compile-") as scratch:
        work = Path(scratch, "work")
        work.write_bytes(marshal.dumps(sorted(_sources(ws, layer)), compile_modules.FORMAT))
        # Nothing of this process's environment may have a say in what comes out.
        home = f"PYTHONHOME={root / 'usr'}"
        argv = [
            *("env", "--ignore-environment", home, "PYTHONHASHSEED=0", "LC_ALL=C.UTF-8"),
            *(root / LOADER, "--library-path", root / LIBRARIES, root / f"usr/bin/python{python}"),
            *("-S", "-B", "-W", "ignore", compile_modules.__file__, work, folder, MTIME),
        ]
        process.run(list(map(str, argv)), timeout_s=TIMEOUT_S)
        return dict(marshal.loads(work.read_bytes()))  # noqa: S302 - written by our program


def _sources(ws: Workspace, layer: WheelLayer) -> Iterator[tuple[str, bytes]]:
    wheels.verify(ws.wheels_path, layer.wheels)
    wanted = set(layer.modules)
    for wheel in layer.wheels:
        with zipfile.ZipFile(wheels.path_of(ws.wheels_path, wheel)) as archive:
            for name in wanted.intersection(archive.namelist()):
                yield name, archive.read(name)


def _write(folder: Path, files: Mapping[str, bytes], python: str) -> LayerBlob:
    site = f"{VENV.strip('/')}/lib/python{python}/site-packages"
    tag = "cpython-" + python.replace(".", "")
    paths = {_cache_path(f"{site}/{path}", tag): content for path, content in files.items()}
    folders = {str(parent) for path in paths for parent in Path(path).parents} - {"."}
    with oci_layout.new_layer(folder) as writer:
        for path in sorted(paths.keys() | folders):
            if path in folders:
                head = tar_header.header(f"{path}/", kind=tar_header.DIRECTORY, mode=0o755)
                writer.write(head)
                continue
            size = len(paths[path])
            writer.write(
                tar_header.header(path, kind=tar_header.REGULAR, mode=0o644, size_bytes=size)
            )
            writer.write(paths[path] + tar_header.padding(size))
        writer.write(tar_header.END)
    facts = {
        "digest": writer.layer.digest,
        "diff_id": writer.layer.diff_id,
        "size_bytes": writer.layer.size_bytes,
        "unpacked_bytes": sum(map(len, paths.values())),
    }
    oci_layout.write_atomically(folder / "facts.json", json.dumps(facts).encode())
    stored = _stored(folder)
    assert stored is not None, "the layer was written just now"
    return stored


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
    path = oci_layout.blob_path(folder, facts["digest"])
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
