"""Jobs as SageMaker describes them, whose environment and arguments sagemaker-training has recorded."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

ALONE = {"current_host": "algo-1", "hosts": ["algo-1"], "network_interface_name": "eth0"}
FILE = {"TrainingInputMode": "File", "S3DistributionType": "FullyReplicated"}
PROGRAM = {"sagemaker_program": '"train.py"'}


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """The three files, and what the container has in its environment."""

    name: str
    hyperparameters: Mapping[str, Any] = field(default_factory=dict)
    resources: Mapping[str, Any] = field(default_factory=lambda: ALONE)
    channels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)


def group(name: str, *hosts: str) -> dict[str, object]:
    """Return an instance group as resourceconfig.json has it."""
    return {"instance_group_name": name, "instance_type": "ml.p4d.24xlarge", "hosts": list(hosts)}


TWO = {
    "current_host": "algo-2",
    "current_instance_type": "ml.c5.xlarge",
    "current_group_name": "homogeneousCluster",
    "hosts": ["algo-1", "algo-2"],
    "instance_groups": [group("homogeneousCluster", "algo-1", "algo-2")],
    "network_interface_name": "ethwe",
}
MIXED = {
    "current_host": "algo-3",
    "current_instance_type": "ml.p4d.24xlarge",
    "current_group_name": "trainers",
    "hosts": ["algo-1", "algo-2", "algo-3"],
    "instance_groups": [group("data", "algo-1"), group("trainers", "algo-2", "algo-3")],
    "network_interface_name": "eth0",
}
CASES = (
    Case(name="nothing but a program", hyperparameters=PROGRAM),
    Case(
        name="numbers and truth values",
        hyperparameters=PROGRAM
        | {"epochs": "3", "learning_rate": "5e-05", "fp16": "true", "do_eval": "false", "x": "-1"},
    ),
    Case(
        name="null, empty and quoted",
        hyperparameters=PROGRAM
        | {"none": "null", "use_auth_token": '""', "empty": "", "number": '"3"', "bare": "bert"},
    ),
    Case(
        name="nested",
        hyperparameters=PROGRAM
        | {
            "layers": "[1, 2, [3]]",
            "options": '{"b": 2, "a": {"deep": true}, "c": null}',
            "objects": '[{"k": "v"}]',
        },
    ),
    Case(
        name="names that are no identifiers",
        hyperparameters=PROGRAM
        | {"per-device-batch": "8", "a.b": "1", "mixed_Case": "1", "n": "1", "with space": "1"},
    ),
    Case(
        name="text of all kinds",
        hyperparameters=PROGRAM
        | {
            "unicode": '"gr\\u00fcn \\u2713"',
            "shell": "\"$(id); `id` && 'x'\"",
            "lines": '"a\\nb"',
            "broken": '{"not": json',
            "big": "123456789012345678901234567890",
            "float": "1.0",
            "nan": "NaN",
        },
    ),
    Case(
        name="of the tuner: everything is a string",
        hyperparameters={
            "sagemaker_program": "train.py",
            "_tuning_objective_metric": "eval_loss",
            "learning_rate": "0.00012",
            "optimizer": "adamw",
            "layers": '"4"',
            "sagemaker_estimator_class_name": '"HuggingFace"',
            "sagemaker_estimator_module": '"sagemaker.huggingface.estimator"',
        },
    ),
    Case(
        name="all settings",
        hyperparameters=PROGRAM
        | {
            "sagemaker_submit_directory": '"s3://bucket/job/source/sourcedir.tar.gz"',
            "sagemaker_container_log_level": "10",
            "sagemaker_job_name": '"job-2026-11-23"',
            "sagemaker_region": '"eu-central-1"',
            "sagemaker_s3_output": '"s3://bucket/out"',
            "sagemaker_enable_cloudwatch_metrics": "false",
            "default_user_module_name": '"module"',
            "sagemaker_custom": '{"a": 1}',
        },
        environment={"TRAINING_JOB_NAME": "job-2026-11-23"},
    ),
    Case(
        name="channels",
        hyperparameters=PROGRAM,
        channels={"train": FILE, "test": FILE, "Validation": {"TrainingInputMode": "Pipe"}},
    ),
    Case(name="two hosts", hyperparameters=PROGRAM, resources=TWO, channels={"train": FILE}),
    Case(
        name="two hosts with torchrun",
        hyperparameters=PROGRAM
        | {"sagemaker_torch_distributed_enabled": "true", "sagemaker_instance_type": '"ml.c5"'},
        resources=TWO,
    ),
    Case(
        name="two hosts with MPI and model parallelism",
        hyperparameters=PROGRAM
        | {
            "sagemaker_mpi_enabled": "true",
            "sagemaker_mpi_num_of_processes_per_host": "8",
            "sagemaker_mpi_custom_mpi_options": '"-verbose --NCCL_DEBUG=INFO"',
            "mp_parameters": '{"partitions": 2, "ddp": true}',
        },
        resources=TWO,
    ),
    Case(
        name="instance groups, one of them distributed",
        hyperparameters=PROGRAM
        | {
            "sagemaker_distributed_dataparallel_enabled": "true",
            "sagemaker_distribution_instance_groups": '["trainers"]',
        },
        resources=MIXED,
    ),
    Case(name="instance groups, none distributed", hyperparameters=PROGRAM, resources=MIXED),
    Case(
        name="a topology",
        hyperparameters=PROGRAM,
        resources=ALONE | {"topology": [{"hostName": "algo-1", "capacityUnitId": "cu-1"}]},
    ),
    Case(
        name="the program in the environment",
        hyperparameters=PROGRAM,
        environment={"SAGEMAKER_PROGRAM": "other.sh", "AWS_DEFAULT_REGION": "us-west-2"},
    ),
)
