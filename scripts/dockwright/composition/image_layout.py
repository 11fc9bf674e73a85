"""An assembled image in; the image in an OCI layout folder out, its blobs linked, not copied."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from dockwright.composition import oci_layout
from dockwright.errors import HashMismatchError
from dockwright.spec.image import REF_NAME, index_names

if TYPE_CHECKING:
    from pathlib import Path

    from dockwright.spec.image import AssembledImage, Blob


def write(folder: Path, image: AssembledImage, *, reference: str) -> None:
    """Add the image to the layout as the newest `name:tag`; what is there already stays."""
    oci_layout.blob_path(folder, image.digest).parent.mkdir(parents=True, exist_ok=True)
    for blob in image.blobs:
        _add(folder, blob)
    for digest, content in (
        (image.config_digest, image.config),
        (image.digest, image.manifest),
    ):
        oci_layout.write_atomically(oci_layout.blob_path(folder, digest), content)
    names = index_names(reference)
    oci_layout.enlist(folder, {**image.descriptor, "annotations": names}, names[REF_NAME])


def _add(folder: Path, blob: Blob) -> None:
    path = oci_layout.blob_path(folder, blob.digest)
    if path.is_file() and path.stat().st_size == blob.size_bytes:
        return
    part_path = path.with_name(f".{path.name}-{os.getpid()}.part")
    try:
        _link(blob.path, part_path)
        if part_path.stat().st_size != blob.size_bytes:
            msg = f"layer {blob.path} is not {blob.size_bytes} bytes long; build the image again"
            raise HashMismatchError(msg)
        part_path.replace(path)
    finally:
        part_path.unlink(missing_ok=True)


def _link(source: Path, target: Path) -> None:
    target.unlink(missing_ok=True)
    try:
        target.hardlink_to(source)
    except FileNotFoundError:
        msg = f"layer {source} is missing; build the image again"
        raise HashMismatchError(msg) from None
    except OSError:  # another file system, or one without links
        shutil.copyfile(source, target)
