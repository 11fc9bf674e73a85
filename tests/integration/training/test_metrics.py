"""Records of metrics are in the log at once, a line each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from training_container import Job
from training_material import values

if TYPE_CHECKING:
    from training_container import TrainingImage

SCRIPT = """
import signal
print({"loss": 0.25, "epoch": 1.0})
print({"loss": 0.125, "epoch": 2.0})
signal.pause()
"""


def test_a_record_is_in_the_log_while_the_script_runs(image: TrainingImage) -> None:
    with image.running(Job(script=SCRIPT), network_mode="none") as run:
        run.until("'epoch': 2.0")
        run.container.reload()
        assert run.container.status == "running"
        assert values(run.log(), "loss") == [0.25, 0.125]
