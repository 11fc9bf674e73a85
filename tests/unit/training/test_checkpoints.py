"""Which checkpoint a training goes on from: the newest that is whole."""

from __future__ import annotations

import io
import json
import logging
import os
import shutil
import signal
import zipfile
from typing import TYPE_CHECKING

import pytest

from dockwright_training.checkpoints import last_checkpoint
from dockwright_training.checkpoints.last import lacks
from dockwright_training.checkpoints.stop import EXIT_CODE, Stop

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def safetensors(size: int = 64) -> bytes:
    header = json.dumps({"w": {"dtype": "F32", "shape": [size], "data_offsets": [0, 4 * size]}})
    return len(header).to_bytes(8, "little") + header.encode() + bytes(4 * size)


def pickled() -> bytes:
    """Return what torch.save writes: a zip archive."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("archive/data.pkl", bytes(300))
    return stream.getvalue()


def write(folder: Path, step: int) -> Path:
    """Write a checkpoint as the Trainer does."""
    checkpoint = folder / f"checkpoint-{step}"
    checkpoint.mkdir(parents=True)
    (checkpoint / "model.safetensors").write_bytes(safetensors())
    (checkpoint / "training_args.bin").write_bytes(pickled())
    for name in ("optimizer.pt", "scheduler.pt", "rng_state_0.pth", "rng_state_1.pth"):
        (checkpoint / name).write_bytes(pickled())
    for name in ("config.json", "trainer_state.json"):
        (checkpoint / name).write_text(json.dumps({"global_step": step}))
    return checkpoint


def test_the_newest_is_found_by_its_number(tmp_path: Path) -> None:
    for step in (9, 10, 100):
        write(tmp_path, step)
    (tmp_path / "checkpoint-best").mkdir()
    assert last_checkpoint(tmp_path) == str(tmp_path / "checkpoint-100")


def test_without_any_a_training_starts_at_the_beginning(tmp_path: Path) -> None:
    assert last_checkpoint(tmp_path) is None
    assert last_checkpoint(tmp_path / "not-there") is None


@pytest.mark.parametrize(
    "name",
    [
        "model.safetensors",
        "optimizer.pt",
        "scheduler.pt",
        "rng_state_1.pth",
        "training_args.bin",
        "config.json",
        "trainer_state.json",
    ],
)
def test_a_file_that_is_cut_off_anywhere_makes_it_passed_over(
    tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    whole = write(tmp_path, 1)
    broken = write(tmp_path, 2) / name
    content = broken.read_bytes()
    for length in (0, 1, 8, len(content) // 2, len(content) - 1):
        broken.write_bytes(content[:length])
        with caplog.at_level(logging.WARNING):
            assert last_checkpoint(tmp_path) == str(whole), length
    assert f"{name} is cut off" in caplog.text


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda c: (c / "trainer_state.json").unlink(), "no trainer_state.json"),
        (lambda c: (c / "optimizer.pt").unlink(), "no state of the optimizer"),
        (lambda c: (c / "model.safetensors").unlink(), "no weights"),
    ],
)
def test_what_is_not_there_yet_makes_it_passed_over(
    tmp_path: Path, change: Callable[[Path], None], told: str
) -> None:
    checkpoint = write(tmp_path, 1)
    assert lacks(checkpoint) is None
    change(checkpoint)
    assert told in str(lacks(checkpoint))


def test_a_shard_that_its_index_names_must_be_there(tmp_path: Path) -> None:
    checkpoint = write(tmp_path, 1)
    index = {"weight_map": {"a": "model.safetensors", "b": "model-2.safetensors"}}
    (checkpoint / "model.safetensors.index.json").write_text(json.dumps(index))
    assert lacks(checkpoint) == "no model-2.safetensors"
    shutil.copy(checkpoint / "model.safetensors", checkpoint / "model-2.safetensors")
    assert lacks(checkpoint) is None


def test_checkpoints_of_fsdp_and_deepspeed_and_adapters_are_whole(tmp_path: Path) -> None:
    fsdp, deepspeed, adapter = (write(tmp_path, step) for step in (1, 2, 3))
    for checkpoint in (fsdp, deepspeed):
        (checkpoint / "model.safetensors").unlink()
        (checkpoint / "optimizer.pt").unlink()
    for name in ("optimizer_0", "pytorch_model_fsdp_0"):
        (fsdp / name).mkdir()
        (fsdp / name / "__0_0.distcp").write_bytes(pickled())
    (deepspeed / "global_step2").mkdir()
    (deepspeed / "global_step2/mp_rank_00_model_states.pt").write_bytes(pickled())
    (adapter / "model.safetensors").rename(adapter / "adapter_model.safetensors")
    assert [lacks(checkpoint) for checkpoint in (fsdp, deepspeed, adapter)] == [None] * 3


def test_sigterm_is_a_wish_while_it_is_listened_for() -> None:
    before = signal.getsignal(signal.SIGTERM)
    stop = Stop()
    stop.listen()
    asked = [stop.is_asked]
    os.kill(os.getpid(), signal.SIGTERM)
    asked.append(stop.is_asked)
    stop.leave()
    assert asked == [False, True]
    assert signal.getsignal(signal.SIGTERM) is before
    assert EXIT_CODE == 143
