"""What hosts have made in; the same in folders of this machine out."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from dockwright.clients import tar_stream
from dockwright.errors import DockwrightError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from dockwright.stages.run.job import Job
    from dockwright.stages.run.site import Host

ENDS = frozenset({"success", "failure"})
"""Files one of which every run leaves."""
RESULTS = frozenset({"model", "data", "intermediate", "tensorboard"}) | ENDS
"""What a run replaces in its output folder."""


def require_ours(output_path: Path) -> None:
    """Refuse a folder whose content no earlier run has left, since a run would replace it."""
    if output_path.exists() and not output_path.is_dir():
        msg = f"--output {output_path} is no folder"
        raise DockwrightError(msg)
    there = {name for name in RESULTS if (output_path / name).exists()}
    if there and not there & ENDS:
        msg = (
            f"{output_path} has {', '.join(sorted(there))}, which no earlier run has left there; "
            "give another folder with --output"
        )
        raise DockwrightError(msg)


def bring_back(job: Job, hosts: Sequence[Host]) -> None:
    """Bring models, outputs and checkpoints here; of files on several hosts the first host's count.

    What an earlier run has left is replaced when all is here, and not before.
    """
    with _staging(job.output_path) as staging:
        for host in hosts:
            tar_stream.unpack(host.read("model"), staging)
            tar_stream.unpack(host.read("output"), staging)
        (staging / "output").mkdir(exist_ok=True)
        if (staging / "model").is_dir():
            (staging / "model").replace(staging / "output" / "model")
        _drop_empty(staging / "output")
        replace(staging / "output", job.output_path, RESULTS)
    if job.checkpoints_path is None:
        return
    with _staging(job.checkpoints_path) as staging:
        for host in hosts:
            tar_stream.unpack(host.read("checkpoints"), staging)
        sent = {file.name.partition("/")[0] for file in job.checkpoints}
        replace(staging / "checkpoints", job.checkpoints_path, sent)


def replace(source: Path, target: Path, names: Collection[str]) -> None:
    """Move everything from one folder to another, where these names are gone otherwise."""
    fresh = {path.name: path for path in source.iterdir()} if source.is_dir() else {}
    for name in {*names, *fresh}:
        _remove(target / name)
    for name, path in fresh.items():
        path.replace(target / name)


@contextmanager
def _staging(beside: Path) -> Iterator[Path]:
    """Yield an empty folder on the file system of another one, which is made."""
    beside.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=beside, prefix=".dockwright-") as folder:
        yield Path(folder)


def _drop_empty(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
