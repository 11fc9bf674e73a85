"""The settings in; the folder with the unpacked model out.

What counts, in this order: HF_MODEL_ID (a folder of this machine, an archive, or a name on the
hub), then the model folder, /opt/ml/model, with a model or one archive in it.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

from dockwright_serving.errors import ModelError, of_content
from dockwright_serving.models import code_folder
from dockwright_shared import archive

if TYPE_CHECKING:
    from dockwright_serving.settings import ModelSettings

log = logging.getLogger(__name__)
_ARCHIVES = (".tar.gz", ".tgz", ".tar")


def fetch(settings: ModelSettings, scratch: Path) -> Path:
    """Return the folder with the unpacked model; what must be written goes into `scratch`.

    Raises:
        ModelError: there is no model, or it can't be fetched or unpacked.
        OutOfMemoryError: the disk is too small for it.
    """
    if settings.hub_id is None:
        return _local(settings.model_dir, scratch)
    if not code_folder.is_from_hub(settings):
        return _local(Path(settings.hub_id), scratch)
    if settings.hub_id.startswith(("/", ".", "~")) or "://" in settings.hub_id:
        msg = f"HF_MODEL_ID={settings.hub_id}: no such folder here, and no name on the hub"
        raise ModelError(msg)
    from dockwright_serving.models import hub

    return hub.download(settings, scratch)


def _local(path: Path, scratch: Path) -> Path:
    try:
        if path.is_file():
            return _unpacked(path, scratch)
        names = sorted(entry.name for entry in path.iterdir())
    except FileNotFoundError:
        names = []
    except OSError as e:
        msg = f"{path}: {e.strerror} for user {os.getuid()}; mount it readable for all"
        raise ModelError(msg) from e
    archives = [name for name in names if name.endswith(_ARCHIVES)]
    if archives and "config.json" not in names:
        if len(archives) > 1:
            msg = f"{path}: which of the archives {', '.join(archives)}? leave one, or unpack it"
            raise ModelError(msg)
        return _unpacked(path / archives[0], scratch)
    if not names:
        msg = f"{path}: no model there; mount one, or set HF_MODEL_ID"
        raise ModelError(msg)
    return path


def _unpacked(path: Path, scratch: Path) -> Path:
    target = scratch / "model"
    log.info("unpacking", extra={"archive": str(path), "bytes": path.stat().st_size})
    with of_content():
        archive.unpack(path, target)
    entries = list(target.iterdir())
    # `tar czf model.tar.gz model` rather than its content: one folder, and the model in it.
    is_wrapped = len(entries) == 1 and entries[0].name != "code" and entries[0].is_dir()
    return entries[0] if is_wrapped else target
