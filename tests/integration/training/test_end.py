"""A training that is done stays done, whatever PyTorch's threads do when its processes end."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from training_container import Job

if TYPE_CHECKING:
    from training_container import TrainingImage

ENDS = """
import os, time
import torch
import torch.distributed as dist

class EndsSlowly:
    def __del__(self, sleep=time.sleep):
        sleep(0.5)

def name_of(thread):
    with open(f"/proc/self/task/{thread}/comm") as comm:
        return comm.read().strip()

dist.init_process_group("gloo")
kept = dist.init_device_mesh("cpu", (2,)), EndsSlowly()
# Gloo's threads run only while Python sleeps: what is rare elsewhere is frequent here.
one_cpu = {min(os.sched_getaffinity(0))}
for thread in map(int, os.listdir("/proc/self/task")):
    os.sched_setaffinity(thread, one_cpu)
    if name_of(thread) == "pt_gloo_runloop":
        os.sched_setscheduler(thread, os.SCHED_IDLE, os.sched_param(0))
for _ in range(3):
    dist.all_reduce(torch.ones(1))
dist.destroy_process_group()
"""
"""Without `dockwright_training.end`, 4 of 16 processes of nearly this script were aborted."""

PAIRS = """
import json, os, subprocess, sys
from pathlib import Path
ends = []
for number in range(int(os.environ["SM_HP_PAIRS"])):
    port = str(20000 + number)
    pair = [
        subprocess.Popen(
            [sys.executable, "-W", "ignore", "ends.py"],
            env=os.environ
            | {"RANK": rank, "WORLD_SIZE": "2", "MASTER_ADDR": "localhost", "MASTER_PORT": port},
        )
        for rank in ("0", "1")
    ]
    ends += [process.wait() for process in pair]
Path(os.environ["SM_MODEL_DIR"], "ends.json").write_text(json.dumps(ends))
"""


@pytest.mark.full
def test_processes_that_are_done_end_well_while_gloo_s_threads_are_slow(
    image: TrainingImage,
) -> None:
    job = Job(script=PAIRS, files={"code/ends.py": ENDS.encode()}, hyperparameters={"pairs": 10})
    with image.running(job, network_mode="none") as run:
        assert run.wait(600) == 0, run.log()
        assert json.loads(run.files("model")["ends.json"]) == [0] * 20, run.log()
