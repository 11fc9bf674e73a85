"""A base image in; its own Python, run on this machine, and the layers that it makes, kept, out.

It runs from its unpacked layer under its own dynamic loader: no daemon, no root, no other Python on
the machine, so that none of these has a say in the layers' bytes.
"""

from __future__ import annotations

import json
import re
import shutil
import tarfile
from typing import TYPE_CHECKING

from dockwright import process
from dockwright.clients import filelock
from dockwright.composition import oci_layout
from dockwright.composition.assemble.layer_store import FACTS_NAME, LayerBlob
from dockwright.spec.base_lock import BASE
from dockwright.spec.image import sha256

if TYPE_CHECKING:
    from pathlib import Path

    from dockwright.composition.base import BaseImages
    from dockwright.workspace import Workspace

TIMEOUT_S = 600.0
LOCK_WAIT_S = 3600.0
LIBRARIES = "usr/lib/x86_64-linux-gnu"
LOADER = f"{LIBRARIES}/ld-linux-x86-64.so.2"
PYTHON_FILES = re.compile(
    rf"usr/bin/python3|usr/lib/python3|{LIBRARIES}/(ld-linux|lib(c|m|z|expat|dl|pthread|util)\.)"
)
"""What the interpreter needs: itself, its standard library, and what both are linked with."""


def run(root: Path, python: str, program: str, *args: object) -> None:
    """Run a program under the base's Python; nothing of our environment has a say in it."""
    argv = [
        *("env", "--ignore-environment", f"PYTHONHOME={root / 'usr'}", "PYTHONHASHSEED=0"),
        *("LC_ALL=C.UTF-8", root / LOADER, "--library-path", root / LIBRARIES),
        *(root / f"usr/bin/python{python}", "-S", "-B", "-W", "ignore", program, *args),
    ]
    process.run(list(map(str, argv)), timeout_s=TIMEOUT_S)


def store(folder: Path, blob: bytes, *, diff_id: str, unpacked_bytes: int) -> LayerBlob:
    """Keep a layer that was made; `diff_id` is the digest of the tar in it."""
    facts = {
        "digest": sha256(blob),
        "diff_id": diff_id,
        "size_bytes": len(blob),
        "unpacked_bytes": unpacked_bytes,
    }
    oci_layout.write_atomically(folder / "blob", blob)
    oci_layout.write_atomically(folder / FACTS_NAME, json.dumps(facts).encode())
    kept = stored(folder)
    assert kept is not None, "the layer was written just now"
    return kept


def stored(folder: Path) -> LayerBlob | None:
    """Return the layer that is kept in a folder, if one is, and whole."""
    try:
        facts = json.loads((folder / FACTS_NAME).read_bytes())
    except FileNotFoundError:
        return None
    path = folder / "blob"
    if not path.is_file() or path.stat().st_size != facts["size_bytes"]:
        return None
    return LayerBlob(path=path, **facts)


def unpacked(ws: Workspace, base: BaseImages) -> Path:
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
