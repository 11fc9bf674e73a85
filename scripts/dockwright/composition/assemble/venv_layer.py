"""A Python version in; the layer that makes the virtual environment, before any wheel, out.

The same four things as the Dockerfile's builder stage makes (images/_templates/Dockerfile.j2).
"""

from __future__ import annotations

import io
import tarfile
from functools import cache
from typing import TYPE_CHECKING

from dockwright.composition import oci_layout
from dockwright.composition.assemble import gzip_member
from dockwright.composition.assemble.layer_store import LayerBlob
from dockwright.composition.oci_layout import Layer
from dockwright.composition.render import MTIME, VENV
from dockwright.spec.image import sha256

if TYPE_CHECKING:
    from dockwright.workspace import Workspace

PYVENV_CFG = b"home = /usr/bin\ninclude-system-site-packages = false\n"


def venv_layer(ws: Workspace, python: str) -> LayerBlob:
    """Write the layer into the store and return it; it is smaller than a page, so always anew."""
    blob, layer = _made(python)
    folder = ws.layers_path / "venv"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / layer.digest.removeprefix("sha256:")
    oci_layout.write_atomically(path, blob)
    return LayerBlob(
        path=path,
        digest=layer.digest,
        diff_id=layer.diff_id,
        size_bytes=layer.size_bytes,
        unpacked_bytes=len(PYVENV_CFG),
    )


def facts(python: str) -> Layer:
    """Return what the layer is; nothing is written."""
    return _made(python)[1]


@cache
def _made(python: str) -> tuple[bytes, Layer]:
    tar = _tar(python)
    blob = gzip_member.member(tar)
    return blob, Layer(digest=sha256(blob), size_bytes=len(blob), diff_id=sha256(tar))


def _tar(python: str) -> bytes:
    root = VENV.strip("/")
    folders = ["opt", root, f"{root}/bin", f"{root}/lib"]
    folders += [f"{root}/lib/python{python}", f"{root}/lib/python{python}/site-packages"]
    links = {"python": "python3", "python3": "/usr/bin/python3", f"python{python}": "python3"}
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for folder in folders:
            tar.addfile(_member(folder, tarfile.DIRTYPE, 0o755))
        for name, target in links.items():
            member = _member(f"{root}/bin/{name}", tarfile.SYMTYPE, 0o777)
            member.linkname = target
            tar.addfile(member)
        config = _member(f"{root}/pyvenv.cfg", tarfile.REGTYPE, 0o644)
        config.size = len(PYVENV_CFG)
        tar.addfile(config, io.BytesIO(PYVENV_CFG))
    return content.getvalue()


def _member(name: str, kind: bytes, mode: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.mode, member.mtime = kind, mode, MTIME
    return member
