"""SIGTERM reaches the script, which has its time; its exit code is the container's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from training_container import Job

if TYPE_CHECKING:
    from training_container import TrainingImage

SAVES = """
import signal, sys, time
def save(number, frame):
    time.sleep(1.5)
    open("/opt/ml/model/saved.bin", "w").write(str(number))
    sys.exit({code})
signal.signal(signal.SIGTERM, save)
signal.signal(signal.SIGINT, save)
print("ready", flush=True)
time.sleep(60)
"""
WAITS = "import time\nprint('ready', flush=True)\ntime.sleep(60)\n"


@pytest.mark.parametrize(("name", "number"), [("SIGTERM", b"15"), ("SIGINT", b"2")])
def test_a_script_that_handles_a_signal_saves_and_its_exit_code_passes(
    image: TrainingImage, name: str, number: bytes
) -> None:
    with image.running(Job(script=SAVES.format(code=7)), network_mode="none") as run:
        run.until("ready")
        run.container.kill(signal=name)
        assert run.wait() == 7, run.log()
        assert run.files("model") == {"saved.bin": number}
        assert run.failure() == (
            "train.py ended with exit code 7 after this container was told to stop"
        )


def test_a_script_that_saves_and_ends_well_is_no_failure_and_docker_stop_is_enough(
    image: TrainingImage,
) -> None:
    with image.running(Job(script=SAVES.format(code=0)), network_mode="none") as run:
        run.until("ready")
        run.container.stop(timeout=30)
        assert run.wait() == 0, run.log()
        assert "success" in run.files("output")


def test_a_script_without_a_handler_is_gone_at_once(image: TrainingImage) -> None:
    with image.running(Job(script=WAITS), network_mode="none") as run:
        run.until("ready")
        run.container.kill(signal="SIGTERM")
        assert run.wait(timeout_s=20) == 143, run.log()
        assert run.failure() == (
            "train.py was ended by SIGTERM after this container was told to stop"
        )


def test_a_signal_reaches_what_a_shell_runs_which_has_its_time_too(image: TrainingImage) -> None:
    files = {
        "code/run.sh": b"#!/bin/bash\npython save.py\n",
        "code/save.py": SAVES.format(code=7).encode(),
    }
    with image.running(Job(program="run.sh", files=files), network_mode="none") as run:
        run.until("ready")
        run.container.kill(signal="SIGTERM")
        assert run.wait() == 143, run.log()  # the shell's own
        assert run.files("model") == {"saved.bin": b"15"}


def test_what_a_script_leaves_running_does_not_keep_the_container(image: TrainingImage) -> None:
    script = "import subprocess\nsubprocess.Popen(['sleep', '600'])\nprint('done')\n"
    with image.running(Job(script=script), network_mode="none") as run:
        assert run.wait(timeout_s=30) == 0, run.log()
