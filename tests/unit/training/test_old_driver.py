"""A job on a host whose driver is too old ends at once, with the ways out as its reason."""

from __future__ import annotations

import logging
import signal
from typing import TYPE_CHECKING

import pytest

from dockwright_shared import driver
from dockwright_training import job
from dockwright_training.layout import Layout
from dockwright_training.run.child import STOPPING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def this_process_as_before() -> Iterator[None]:
    """The signals and the log are what they were, whatever a job makes of them."""
    handlers = {number: signal.getsignal(number) for number in STOPPING}
    root = logging.getLogger()
    log, level = root.handlers[:], root.level
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)
    root.handlers[:], root.level = log, level


def test_the_driver_is_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKWRIGHT_MINIMUM_DRIVER", "580.65")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    monkeypatch.setattr(driver, "version", lambda _: "535.183.01")
    layout = Layout(tmp_path)
    assert job.run(layout) == 69
    told = (layout.output / "failure").read_text("utf-8")
    assert told.startswith("the host's NVIDIA driver is 535.183.01, this image's CUDA needs 580.65")
    assert told.endswith("to work on the CPU.")
    assert not (layout.output / "success").exists()
