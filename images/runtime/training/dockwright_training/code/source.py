"""Where the user's code is said to be in; the folder it lies in here out.

Code that is mounted at /opt/ml/code wins, as in sagemaker-training; so does what an earlier attempt
of the job has put there.
"""

from __future__ import annotations

import logging
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from dockwright_training.errors import InputError

if TYPE_CHECKING:
    from dockwright_training.layout import Layout

log = logging.getLogger(__name__)
_UNPACKING = ".unpacking"
"""Where an archive's files are until all of them are there."""


def fetch(submitted: str | None, layout: Layout, scratch: Path) -> Path:
    """Return the folder with the user's code, brought there if need be.

    Args:
        submitted: `sagemaker_submit_directory`: an archive in S3, or an archive, folder or file here.
        layout: where mounted code would be.
        scratch: what must be written goes there where /opt/ml/code can't be written.

    Raises:
        InputError: it is not there, can't be read, or there is no code at all.
        ContentError: the archive is broken or hostile.
    """
    if _names(layout.code):
        if submitted not in {None, str(layout.code)}:
            log.info("%s has code: %s is not fetched", layout.code, submitted)
        return layout.code
    if submitted is None or submitted == str(layout.code):
        return _channel(layout)
    target = _writable(layout.code, scratch)
    if submitted.startswith("s3://"):
        from dockwright_training.code import s3

        packed = s3.download(submitted, scratch / "code.tar.gz")
        _unpack(packed, target)
        packed.unlink()
    else:
        _bring(_path_of(submitted), target)
    log.info("code of %s is in %s", submitted, target)
    return target


def _names(folder: Path) -> list[str]:
    try:
        return sorted(path.name for path in folder.iterdir() if path.name != _UNPACKING)
    except FileNotFoundError:
        return []
    except OSError as e:
        msg = f"{folder} can't be read by user {os.getuid()}: {e.strerror}"
        raise InputError(msg) from e


def _channel(layout: Layout) -> Path:
    """Return the channel `code`, which SageMaker's ModelTrainer sends the code as."""
    folder = layout.data / "code"
    if _names(folder):
        return folder
    msg = (
        f"there is no code: mount it at {layout.code}, send it as the channel `code`, or name an "
        "archive with sagemaker_submit_directory"
    )
    raise InputError(msg)


def _writable(folder: Path, scratch: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return scratch / "code"
    return folder if os.access(folder, os.W_OK) else scratch / "code"


def _path_of(submitted: str) -> Path:
    parts = urlsplit(submitted)
    if parts.scheme not in {"", "file"}:
        msg = f"sagemaker_submit_directory {submitted!r}: code comes from s3:// or from this container"
        raise InputError(msg)
    return Path(unquote(parts.path)) if parts.scheme else Path(submitted)


def _bring(path: Path, target: Path) -> None:
    import tarfile

    try:
        if path.is_dir():
            shutil.copytree(path, target, dirs_exist_ok=True)
        elif path.is_file() and tarfile.is_tarfile(path):
            _unpack(path, target)
        else:
            target.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
    except OSError as e:
        msg = f"sagemaker_submit_directory {path} can't be copied: {e}"
        raise InputError(msg) from e


def _unpack(packed: Path, target: Path) -> None:
    """Unpack so that the folder holds all of it or none, whenever this is ended."""
    from dockwright_shared import archive

    beside = target / _UNPACKING
    shutil.rmtree(beside, ignore_errors=True)
    archive.unpack(packed, beside)
    for path in beside.iterdir():
        path.rename(target / path.name)
    beside.rmdir()
