"""A model's name on the hub in; the folder with its snapshot out.

huggingface_hub does the work, and reads HF_ENDPOINT, HF_HOME, HF_HUB_CACHE and HF_HUB_OFFLINE
itself. What is in its cache is served without a network.
"""

from __future__ import annotations

import errno
import glob
import importlib.util
import logging
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from dockwright_serving.errors import ModelError, OutOfMemoryError
from dockwright_serving.models.weights import FOREIGN_SUFFIXES, PREFERENCE, unneeded

if TYPE_CHECKING:
    from huggingface_hub import ModelInfo

    from dockwright_serving.models.weights import Framework
    from dockwright_serving.settings import ModelSettings

log = logging.getLogger(__name__)
_BUSY = {429, 500, 502, 503, 504}
_PAUSES_S = (1, 3)


def download(settings: ModelSettings, scratch: Path) -> Path:
    """Return the folder of a model's snapshot, from the cache or the hub.

    Raises:
        ModelError: no network, no such model or revision, or no right to it.
        OutOfMemoryError: the disk is too small for it.
    """
    from huggingface_hub import constants, utils

    utils.disable_progress_bars()
    cache = _cache(Path(constants.HF_HUB_CACHE), scratch)
    started = time.monotonic()
    try:
        path = _snapshot(settings, cache)
    except OutOfMemoryError:
        raise
    except Exception as e:  # what the HTTP library raises differs by huggingface_hub's age
        if isinstance(e, OSError) and e.errno in {errno.ENOSPC, errno.EDQUOT}:
            msg = f"{_named(settings)}: the disk of {cache} is full"
            raise OutOfMemoryError(msg) from e
        msg = f"{_named(settings)}: {_reason(e, settings, constants.ENDPOINT)}"
        raise ModelError(msg) from e
    seconds = round(time.monotonic() - started, 2)
    log.info("fetched", extra={"model": settings.hub_id, "path": str(path), "seconds": seconds})
    return path


def _snapshot(settings: ModelSettings, cache: Path) -> Path:
    from huggingface_hub import constants, snapshot_download
    from huggingface_hub.errors import OfflineModeIsEnabled

    assert settings.hub_id is not None
    if constants.HF_HUB_OFFLINE:
        return _cached(settings, cache)
    try:
        info = _information(settings)
    except (OfflineModeIsEnabled, *_connection_errors()) as e:
        try:
            return _cached(settings, cache)
        except FileNotFoundError:
            raise e from None
    sizes = {file.rfilename: file.size or 0 for file in info.siblings or ()}
    ignored = unneeded(sizes, _framework())
    needed = sum(size for name, size in sizes.items() if name not in ignored)
    _check_disk(settings, cache, needed)
    log.info("fetching", extra={"model": settings.hub_id, "revision": info.sha, "bytes": needed})
    return Path(
        snapshot_download(
            settings.hub_id,
            revision=settings.hub_revision,
            cache_dir=cache,
            token=settings.hub_token,
            ignore_patterns=[glob.escape(name) for name in ignored],
        )
    )


def _information(settings: ModelSettings) -> ModelInfo:
    """Ask the hub for a model's files; try again where it says that it is busy."""
    from huggingface_hub import HfApi, constants
    from huggingface_hub.errors import HfHubHTTPError

    assert settings.hub_id is not None
    for pause in (*_PAUSES_S, None):
        try:
            return HfApi().model_info(
                settings.hub_id,
                revision=settings.hub_revision,
                token=settings.hub_token,
                timeout=constants.HF_HUB_ETAG_TIMEOUT,
                files_metadata=True,
            )
        except HfHubHTTPError as e:
            if pause is None or _status(e) not in _BUSY:
                raise
            log.warning("the hub is busy", extra={"status": _status(e), "pause_seconds": pause})
            time.sleep(pause)
    raise AssertionError


def _cached(settings: ModelSettings, cache: Path) -> Path:
    """Return a snapshot of the cache; which weights it has depends on who has filled it."""
    from huggingface_hub import snapshot_download

    assert settings.hub_id is not None
    weights = [suffix for form in PREFERENCE[_framework()] for suffix in form]
    return Path(
        snapshot_download(
            settings.hub_id,
            revision=settings.hub_revision,
            cache_dir=cache,
            local_files_only=True,
            ignore_patterns=[f"*{suffix}" for suffix in (*weights, *FOREIGN_SUFFIXES)],
        )
    )


def _cache(default: Path, scratch: Path) -> Path:
    """Return the library's cache, or a folder in scratch where it can't be written."""
    from huggingface_hub import constants

    try:
        default.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=default):
            return default
    except OSError:
        # A cache that is mounted read-only is still a cache.
        return default if constants.HF_HUB_OFFLINE else scratch / "hub"


def _framework() -> Framework:
    return "pytorch" if importlib.util.find_spec("torch") else "tensorflow"


def _check_disk(settings: ModelSettings, cache: Path, needed: int) -> None:
    cache.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(cache).free
    if needed > free:
        msg = f"{_named(settings)}: {needed:,} bytes, and the disk of {cache} has {free:,} left"
        raise OutOfMemoryError(msg)


def _named(settings: ModelSettings) -> str:
    revision = f", HF_MODEL_REVISION={settings.hub_revision}" if settings.hub_revision else ""
    return f"HF_MODEL_ID={settings.hub_id}{revision}"


def _connection_errors() -> tuple[type[Exception], ...]:
    """Return what the HTTP library raises without a network: huggingface_hub has had three."""
    for name in ("httpx2", "httpx", "requests"):
        if importlib.util.find_spec(name):
            library = importlib.import_module(name)
            if name == "requests":
                return (library.ConnectionError, library.Timeout, ConnectionError)
            return (library.TransportError, ConnectionError)
    return (ConnectionError,)


def _reason(error: Exception, settings: ModelSettings, endpoint: str) -> str:
    """Return what to do about it."""
    from huggingface_hub import errors

    token = "the token given" if settings.hub_token else "HF_API_TOKEN, which is not set"
    status = _status(error)
    match error:
        case errors.GatedRepoError():
            return f"it is gated: accept its terms on the hub; access is by {token}"
        case errors.RevisionNotFoundError():
            return "it has no such revision"
        case errors.RepositoryNotFoundError():
            return f"no such model at {endpoint}, or a private one: access is by {token}"
        case errors.HFValidationError():
            return "that is no name on the hub, and no folder here"
        case errors.HfHubHTTPError() if status in {401, 403}:
            return f"{endpoint} refuses access ({status}), which is by {token}"
        case errors.HfHubHTTPError() if status is not None:
            return f"{endpoint} answers {status}"
        case errors.LocalEntryNotFoundError() | errors.OfflineModeIsEnabled():
            return _unreachable(endpoint, error)
        case _ if isinstance(error, _connection_errors()):
            return _unreachable(endpoint, error)
        case _:
            return f"fetching it from {endpoint} failed: {type(error).__name__}: {error}"


def _unreachable(endpoint: str, error: Exception) -> str:
    return (
        f"{endpoint} can't be reached ({type(error).__name__}), and the cache has no such model; "
        "without a network, mount the model at /opt/ml/model"
    )


def _status(error: Exception) -> int | None:
    return getattr(getattr(error, "response", None), "status_code", None)
