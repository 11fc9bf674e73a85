"""Whatever goes wrong: the right exit code, one paragraph that says why, and nothing saved is lost."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from training_container import Job

if TYPE_CHECKING:
    from collections.abc import Mapping

    from training_container import TrainingImage

FINE = "print('never')"
SAVE = """
import os
from pathlib import Path
Path(os.environ["SM_MODEL_DIR"], "saved.bin").write_text("kept")
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Bad:
    """A job that can't end well."""

    name: str
    job: Job
    exit_code: int
    told: str
    """What `failure` has to say, all of it where it begins with a letter or slash."""
    options: Mapping[str, Any] = field(default_factory=dict)
    keeps: bool = False


def config(name: str, text: str) -> Job:
    return Job(script=FINE, files={f"input/config/{name}.json": text.encode()})


CASES = (
    Bad(
        name="no script of that name",
        job=Job(script=FINE, program="tarin.py"),
        exit_code=66,
        told="there is no script tarin.py. /opt/ml/code has train.py",
    ),
    Bad(
        name="no code at all",
        job=Job(),
        exit_code=66,
        told="there is no code: mount it at /opt/ml/code, send it as the channel `code`, or name an"
        " archive with sagemaker_submit_directory",
    ),
    Bad(
        name="a script out of the folder",
        job=Job(script=FINE, program="../../etc/passwd"),
        exit_code=78,
        told="sagemaker_program '../../etc/passwd' is no path within /opt/ml/code",
    ),
    Bad(
        name="a syntax error",
        job=Job(script="x = 1\nif x\n    pass\n"),
        exit_code=1,
        told="train.py:2: SyntaxError: expected ':': if x",
    ),
    Bad(
        name="a channel without a folder",
        job=Job(
            script=FINE,
            channels={"test": {"x": b"1"}},
            files={"input/config/inputdataconfig.json": b'{"train": {}, "test": {}}'},
        ),
        exit_code=66,
        told="no data for channel train: /opt/ml/input/data has test",
    ),
    Bad(
        name="a channel that the script expects and the job has not",
        job=Job(script="import os\nos.environ['SM_CHANNEL_DEV']", channels={"train": {"x": b"1"}}),
        exit_code=1,
        told="train.py ended with exit code 1: KeyError: 'SM_CHANNEL_DEV' (train.py:2). "
        "The job's channels: train",
    ),
    Bad(
        name="malformed hyperparameters",
        job=config("hyperparameters", '{"a": 1,}'),
        exit_code=78,
        told="/opt/ml/input/config/hyperparameters.json:1:9: malformed JSON: ",
    ),
    Bad(
        name="malformed resources",
        job=config("resourceconfig", "hosts: []"),
        exit_code=78,
        told="/opt/ml/input/config/resourceconfig.json:1:1: malformed JSON: Expecting value",
    ),
    Bad(
        name="malformed channels",
        job=config("inputdataconfig", '{"train": {}'),
        exit_code=78,
        told="/opt/ml/input/config/inputdataconfig.json:1:13: malformed JSON: ",
    ),
    Bad(
        name="a wrong type",
        job=config("resourceconfig", '{"current_host": "algo-1", "hosts": "algo-1"}'),
        exit_code=78,
        told="/opt/ml/input/config/resourceconfig.json: hosts must be a list of names, not 'algo-1'",
    ),
    Bad(
        name="a setting of a wrong type",
        job=Job(script=FINE, hyperparameters={"sagemaker_program": 3}),
        exit_code=78,
        told="the hyperparameter sagemaker_program must be a string, not 3",
    ),
    Bad(
        name="a requirement without a network",
        job=Job(script=FINE, files={"code/requirements.txt": b"not-in-any-image==1\n"}),
        exit_code=69,
        told=". No package index can be reached: without a network, put wheels beside the file, or"
        " install the packages in an image of your own",
    ),
    Bad(
        name="a requirement in conflict with a pin",
        job=Job(script=FINE, files={"code/requirements.txt": b"\ntorch==1.0\n"}),
        exit_code=69,
        told="change the requirement, or set TRAINING_IGNORE_PINS=true to replace the image's packages",
    ),
    Bad(
        name="a model folder that is mounted read-only",
        job=Job(script=FINE),
        exit_code=73,
        told="/opt/ml/model can't be written by user 0: ",
        options={"volumes": {"/opt": {"bind": "/opt/ml/model", "mode": "ro"}}},
    ),
    Bad(
        name="a disk that is full",
        job=Job(
            script=SAVE + "open('/opt/ml/checkpoints/big', 'wb').write(bytes(8 << 20))",
        ),
        exit_code=1,
        told="OSError: [Errno 28] No space left on device (train.py:5). The disk is full: "
        "/opt/ml/checkpoints has 0 MiB of 4 MiB left; what was saved before is kept",
        options={"tmpfs": {"/opt/ml/checkpoints": "size=4m"}},
        keeps=True,
    ),
    Bad(
        name="a memory that is full",
        job=Job(script=SAVE + "kept = [b'x' * (8 << 20) for _ in range(1000)]"),
        exit_code=137,
        told="train.py was ended by SIGKILL. The memory was full, so the kernel killed it or a process"
        " of it: the container may use 128 MiB, and has used up to 128 MiB; ",
        options={"mem_limit": "128m", "memswap_limit": "128m"},
        keeps=True,
    ),
    Bad(
        name="a module that is not there",
        job=Job(script=SAVE + "import not_in_any_image.part"),
        exit_code=1,
        told="train.py ended with exit code 1: ModuleNotFoundError: No module named 'not_in_any_image'"
        " (train.py:5). Name what brings not_in_any_image in requirements.txt beside the script",
        keeps=True,
    ),
    Bad(
        name="an argument that the script does not know",
        job=Job(
            script="import argparse\nargparse.ArgumentParser().parse_args()",
            hyperparameters={"epochs": 3},
        ),
        exit_code=2,
        told="train.py ended with exit code 2; its last words: "
        "train.py: error: unrecognized arguments: --epochs 3",
    ),
    Bad(
        name="an exit code of its own after an exception it has told",
        job=Job(
            script=SAVE + "import logging, sys\nfrom helper import f\ntry: f()\n"
            "except ValueError: logging.exception('oh')\nsys.exit(42)",
            files={"code/helper.py": b"def f():\n    raise ValueError('bad\\nvalue')\n"},
        ),
        exit_code=42,
        told="train.py ended with exit code 42: ValueError: bad (helper.py:2)",
        keeps=True,
    ),
)


@pytest.mark.parametrize("bad", CASES, ids=lambda bad: bad.name)
def test_a_job_that_fails_says_why(image: TrainingImage, bad: Bad) -> None:
    with image.running(bad.job, network_mode="none", **bad.options) as run:
        code, log, failure = run.wait(), run.log(), run.failure()
        assert code == bad.exit_code, log
        assert bad.told in failure, log
        assert "\n" not in failure
        assert failure in log, log
        assert "never" not in log
        assert "success" not in run.files("output")
        if bad.keeps:
            assert run.files("model") == {"saved.bin": b"kept"}
