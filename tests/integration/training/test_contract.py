"""SageMaker's contract in a real container: what the script finds, and what is told of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from training_container import Job

if TYPE_CHECKING:
    from training_container import TrainingImage

TELL = """
import json, os, sys
print(json.dumps({"argv": sys.argv, "env": dict(os.environ), "cwd": os.getcwd(), "path": sys.path}))
"""
CHANNELS = {"train": {"a.txt": b"1"}, "test": {"b.txt": b"2"}}
TOKEN = "hf_this-is-secret"  # noqa: S105 - of nobody


def test_the_script_finds_arguments_variables_and_folders_and_its_secrets_are_not_told(
    image: TrainingImage,
) -> None:
    hyperparameters = {
        "epochs": 3, "fp16": True, "none": None, "use_auth_token": "", "n": 1,
        "nested": {"b": [1], "a": "x"}, "hub_token": TOKEN, "text": "it's \"q\" $(id)",
        "sagemaker_job_name": "job-1", "_tuning_objective_metric": "loss",
    }  # fmt: skip
    script = TELL + 'sys.exit(f\'refused {os.environ["SM_HP_HUB_TOKEN"]} {os.environ["MY_KEY"]}\')'
    job = Job(script=script, hyperparameters=hyperparameters, channels=CHANNELS)
    env = {"MY_KEY": "another-secret", "PYTHONPATH": "/elsewhere"}
    with image.running(job, "train", env=env, network_mode="none") as run:
        assert run.wait() == 1, run.log()
        output = run.container.logs(stdout=True, stderr=False).decode()
        ours = [line for line in run.log().splitlines() if "Z train " in line]
        failure = run.failure()
    found = json.loads(output)
    assert found["argv"][1:] == [
        "--epochs", "3", "--fp16", "True", "--hub_token", TOKEN, "-n", "1",
        "--nested", "a=x,b=[1]", "--none", "", "--text", "it's \"q\" $(id)",
        "--use_auth_token", "",
    ]  # fmt: skip
    env = found["env"]
    assert env["SM_CHANNEL_TRAIN"] == "/opt/ml/input/data/train"
    assert json.loads(env["SM_CHANNELS"]) == ["test", "train"]
    assert json.loads(env["SM_HPS"])["hub_token"] == TOKEN
    assert env["SM_HP_NESTED"] == '{"a":"x","b":[1]}'
    assert env["SAGEMAKER_JOB_NAME"] == "job-1"
    assert env["CURRENT_HOST"] == env["MASTER_ADDR"] == "algo-1"
    assert int(env["SM_NUM_CPUS"]) >= 1
    assert found["cwd"] == "/opt/ml/code"
    assert found["path"][0] == "/opt/ml/code"
    assert "/elsewhere" in found["path"]
    assert any("--hub_token '***'" in line and "--epochs 3" in line for line in ours)
    assert failure == "train.py ended with exit code 1; its last words: refused *** ***"
    assert not any(TOKEN in line or "another-secret" in line for line in ours)


def test_the_log_is_live_and_what_an_earlier_attempt_told_is_forgotten(
    image: TrainingImage,
) -> None:
    script = "import time\nprint('first line')\ntime.sleep(60)\n"
    job = Job(script=script, files={"output/failure": b"of yesterday"})
    with image.running(job, network_mode="none") as run:
        run.until("first line")
        assert run.files("output") == {}


def test_no_file_of_sagemaker_is_needed_and_any_user_may_run_it(image: TrainingImage) -> None:
    script = TELL + "open(os.environ['SM_MODEL_DIR'] + '/model.bin', 'w').write('learnt')"
    configs = {f"input/config/{name}.json": b"{}" for name in ("inputdataconfig", "resourceconfig")}
    job = Job(script=script, files=configs | {"input/config/hyperparameters.json": b"{}"})
    writable = {f"/opt/ml/{name}": "mode=777" for name in ("model", "output")}
    env = {"SAGEMAKER_PROGRAM": "train.py"}
    with image.running(job, env=env, user="12345", network_mode="none", tmpfs=writable) as run:
        assert run.wait() == 0, run.log()
        assert "training succeeded" in run.log()


def test_a_shell_script_is_run_by_the_shell_it_names(image: TrainingImage) -> None:
    shell = (
        b'#!/bin/bash -e\n[[ $1 == --epochs && $SM_MODEL_DIR ]]\necho "$0 $* in $BASH_VERSION"\n'
    )
    job = Job(program="run.sh", hyperparameters={"epochs": 3}, files={"code/run.sh": shell})
    with image.running(job, network_mode="none") as run:
        assert run.wait() == 0, run.log()
        assert "./run.sh --epochs 3 in 5" in run.log()


def test_a_package_is_installed_and_run_as_a_module(image: TrainingImage) -> None:
    package = {
        "code/setup.py": b"from setuptools import setup\n"
        b"setup(name='mine', version='1', packages=['mine'], package_dir={'': 'src'})\n",
        "code/src/mine/__init__.py": b"",
        "code/src/mine/go.py": b"import sys, mine\nprint(mine.__file__, sys.argv[1:])\n",
    }
    job = Job(program="mine.go", hyperparameters={"epochs": 3}, files=package)
    with image.running(job, network_mode="none") as run:
        assert run.wait() == 0, run.log()
        assert "/mine/__init__.py ['--epochs', '3']" in run.log()


def test_a_channel_in_pipe_mode_is_explained(image: TrainingImage) -> None:
    described = json.dumps({"train": {"TrainingInputMode": "Pipe"}}).encode()
    job = Job(script="print('runs')", files={"input/config/inputdataconfig.json": described})
    with image.running(job, network_mode="none") as run:
        assert run.wait() == 0, run.log()
        assert "channel train is in Pipe mode: its data comes once, through" in run.log()
