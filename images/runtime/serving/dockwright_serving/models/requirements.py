"""The settings and a model's folder in; a folder with what the image lacks of its requirements out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dockwright_serving import errors
from dockwright_serving.models import code_folder
from dockwright_shared import requirements

if TYPE_CHECKING:
    from pathlib import Path

    from dockwright_serving.settings import ModelSettings

_WAY_OUT = "change the requirement, or set SERVING_IGNORE_PINS=true to replace the image's packages"


def install(settings: ModelSettings, model_path: Path, scratch: Path) -> tuple[Path, ...]:
    """Install what is missing of `code/requirements.txt`; return the folders to put on sys.path.

    Raises:
        ModelError: it can't be had: a conflict with the image's pins, no network, no such package.
    """
    folder = code_folder.find(settings, model_path, scratch)
    file = folder and folder / code_folder.REQUIREMENTS
    if file is None or not file.is_file():
        return ()
    with errors.of_content():
        return requirements.install(
            file, scratch, ignore_pins=settings.ignore_pins, way_out=_WAY_OUT
        )
