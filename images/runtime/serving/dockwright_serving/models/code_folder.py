"""The settings and a model's folder in; the folder with the user's code out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from dockwright_serving.errors import ModelError, of_content
from dockwright_shared import archive

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dockwright_serving.settings import ModelSettings

PLATFORM = Path("/opt/ml/code")
"""Where SageMaker's local mode mounts code, and where others put what an s3:// address names."""
REQUIREMENTS = "requirements.txt"


def is_from_hub(settings: ModelSettings) -> bool:
    """Tell whether the model is downloaded, rather than a folder of this machine."""
    return settings.hub_id is not None and not Path(settings.hub_id).exists()


def program(settings: ModelSettings) -> str:
    """Return the name of the file with the user's functions."""
    return settings.program or "inference.py"


def find(settings: ModelSettings, model_path: Path, scratch: Path) -> Path | None:
    """Return the first folder that holds the program or its requirements.

    Raises:
        ModelError: SAGEMAKER_PROGRAM names a file that is nowhere.
    """
    places = tuple(_places(settings, model_path, scratch))
    for place in places:
        if (place / program(settings)).is_file():
            return place
    if settings.program:
        searched = ", ".join(map(str, places)) or "no folder"
        msg = f"SAGEMAKER_PROGRAM={settings.program}: no such file in {searched}"
        raise ModelError(msg)
    return next((place for place in places if (place / REQUIREMENTS).is_file()), None)


def _places(settings: ModelSettings, model_path: Path, scratch: Path) -> Iterator[Path]:
    if settings.submit_directory:
        yield from _submitted(settings.submit_directory, scratch)
    # What a stranger put on the hub runs only when the user has said so.
    if settings.trust_remote_code or not is_from_hub(settings):
        yield model_path / "code"
    yield settings.model_dir / "code"
    yield PLATFORM


def _submitted(directory: str, scratch: Path) -> Iterator[Path]:
    url = urlsplit(directory)
    if url.scheme not in {"", "file"}:
        return  # s3:// and such: the platform has fetched it
    path = Path(unquote(url.path))
    if path.is_file():
        target = scratch / "submitted"
        if not target.exists():
            with of_content():
                archive.unpack(path, target)
        yield target
    else:
        yield path
