"""A folder of Trainer checkpoints in; the last one from which training can go on, out.

A job may be killed while it saves, and what SageMaker keeps in S3 arrives there file by file: the
newest checkpoint need not be whole.
"""

from __future__ import annotations

import json
import logging
import re
import zipfile
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)
FOLDER = "/opt/ml/checkpoints"
_NAME = re.compile(r"checkpoint-(\d+)")
_OPTIMIZERS = ("optimizer.*", "optimizer_*", "global_step*")
"""As the Trainer, FSDP and DeepSpeed call the optimizer's state."""
_HEADER_BYTES = 8
"""Of a safetensors file: the length of the description that follows, little-endian."""


def last_checkpoint(folder: str | Path = FOLDER) -> str | None:
    """Return the newest whole checkpoint, for `Trainer.train(resume_from_checkpoint=…)`.

    None when there is none: training starts at the beginning. Half-written ones are passed over,
    with a warning that tells what they lack.
    """
    found = [(int(m[1]), p) for p in Path(folder).glob("*") if (m := _NAME.fullmatch(p.name))]
    for _, path in sorted(found, reverse=True):
        missing = lacks(path)
        if missing is None:
            return str(path)
        log.warning("%s is passed over, it is not whole: %s", path, missing)
    return None


def lacks(checkpoint: Path) -> str | None:
    """Return what a checkpoint lacks to go on from it; None when it is whole."""
    state = checkpoint / "trainer_state.json"
    if not state.is_file():
        return "no trainer_state.json, which is written last"
    if not any(path for name in _OPTIMIZERS for path in checkpoint.glob(name)):
        return "no state of the optimizer"
    files = sorted(path for path in checkpoint.rglob("*") if path.is_file())
    broken = [path for path in files if not _is_whole(path)]
    if broken:
        return f"{broken[0].relative_to(checkpoint)} is cut off"
    for path in files:
        absent = _shards_of(path) - {other.name for other in files}
        if absent:
            return f"no {min(absent)}"
    if not any(path.suffix == ".safetensors" or _is_folder_of_weights(path) for path in files):
        return "no weights"
    return None


def _is_folder_of_weights(path: Path) -> bool:
    """Tell whether a file is of those that FSDP and DeepSpeed write into folders."""
    return path.suffix == ".distcp" or path.name.endswith("model_states.pt")


def _is_whole(path: Path) -> bool:
    """Tell whether a file has its end; of formats that do not say where it is, true."""
    if path.suffix == ".json":
        return _json(path) is not None
    if path.suffix == ".safetensors":
        return _is_whole_safetensors(path)
    if path.suffix in {".pt", ".pth", ".bin"} and _begins_as_zip(path):
        return zipfile.is_zipfile(path)  # its directory stands at its end
    return True


def _begins_as_zip(path: Path) -> bool:
    """Tell whether this may be PyTorch's present format: the older one can't be judged."""
    with path.open("rb") as file:
        return b"PK".startswith(file.read(2))


def _is_whole_safetensors(path: Path) -> bool:
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(_HEADER_BYTES), "little")
        if not 0 < length <= size - _HEADER_BYTES:
            return False
        try:
            header: dict[str, Any] = json.loads(file.read(length))
        except ValueError:
            return False
    ends = (entry["data_offsets"][1] for key, entry in header.items() if key != "__metadata__")
    return size == _HEADER_BYTES + length + max(ends, default=0)


def _shards_of(path: Path) -> set[str]:
    """Return the names of the files that an index of weights speaks of."""
    if not path.name.endswith(".index.json"):
        return set()
    return set((_json(path) or {}).get("weight_map", {}).values())


def _json(path: Path) -> dict[str, Any] | None:
    """Return an object, or what else a JSON file holds as an empty one; None: it is cut off."""
    try:
        content = json.loads(path.read_text("utf-8"))
    except ValueError:
        return None
    return content if isinstance(content, dict) else {}
