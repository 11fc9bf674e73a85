"""The settings of the SDK's `distribution=` in; commands, variables and notes out."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dockwright_training.code.program import Program
from dockwright_training.contract.request import Hosts, Request
from dockwright_training.errors import ConfigError, RequirementError
from dockwright_training.launch import libraries, network, rank
from dockwright_training.launch.choose import choose

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dockwright_training.launch.launch import Launch

TORCHRUN = {"sagemaker_torch_distributed_enabled": True}
MPI = {"sagemaker_mpi_enabled": True}
DATA_PARALLEL = {"sagemaker_distributed_dataparallel_enabled": True}
MIRRORED = {"sagemaker_multi_worker_mirrored_strategy_enabled": True}
ACCELERATE = {"sagemaker_accelerate_enabled": True}
RANK = shlex.join((*rank.COMMAND, sys.executable, "train.py", "--epochs", "3"))
PYTORCH = {"torch", "accelerate", "mpirun"}


@pytest.fixture(autouse=True)
def image(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """What the image has; two CPUs, no GPU."""
    there = set(PYTORCH)
    monkeypatch.setattr(libraries, "has", there.__contains__)
    monkeypatch.setattr("shutil.which", lambda name: name if name in there else None)
    monkeypatch.setattr("dockwright_shared.machine.cpus", lambda: 2)
    monkeypatch.setattr("dockwright_shared.machine.gpus", tuple)
    monkeypatch.setattr(network, "has_efa", lambda: False)
    for name in ("OMP_NUM_THREADS", "NCCL_SOCKET_IFNAME", "GLOO_SOCKET_IFNAME"):
        monkeypatch.delenv(name, raising=False)
    return there


@pytest.fixture
def interfaces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The network interfaces of the host: eth0."""
    (tmp_path / "eth0").mkdir()
    monkeypatch.setattr(network, "_INTERFACES", tmp_path)
    return tmp_path


def launch(
    settings: Mapping[str, object],
    *,
    hosts: tuple[str, ...] = ("algo-1",),
    current: str = "algo-1",
    hyperparameters: Mapping[str, object] | None = None,
    groups: Mapping[str, tuple[str, ...]] | None = None,
    name: str = "train.py",
) -> Launch:
    request = Request(
        hyperparameters=hyperparameters or {},
        settings=settings,
        hosts=Hosts(current=current, all=hosts, group="data", groups=groups or {}),
        channels={},
    )
    return choose(request, Program(name=name, folder=Path("/code"), arguments=("--epochs", "3")))


def command(found: Launch) -> str:
    assert found.command is not None
    return shlex.join(found.command).replace(sys.executable, "python")


def test_without_a_setting_every_host_runs_one_process() -> None:
    found = launch({}, hosts=("algo-1", "algo-2"))
    assert command(found) == "python train.py --epochs 3"
    assert found.title == "one process on each of 2 hosts"
    assert not found.processes


def test_torchrun_on_one_host_meets_nobody_else() -> None:
    found = launch(TORCHRUN | {"sagemaker_mpi_num_of_processes_per_host": 2})
    assert "--standalone --local-addr 127.0.0.1 --nproc-per-node 2 --no-python" in command(found)
    assert command(found).endswith(RANK.replace(sys.executable, "python"))
    assert found.environment["OMP_NUM_THREADS"] == "1"
    assert found.environment["ACCELERATE_USE_CPU"] == "true"
    assert found.processes == 2


@pytest.mark.parametrize("setting", [TORCHRUN, {"sagemaker_pytorch_ddp_enabled": True}])
def test_torchrun_on_two_hosts_meets_at_the_master(setting: Mapping[str, object]) -> None:
    found = launch(setting, hosts=("algo-1", "algo-2"), current="algo-2")
    where = "--nnodes 2 --node-rank 1 --master-addr algo-1 --master-port 7777"
    assert where in command(found)


def test_a_gpu_each_has_its_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dockwright_shared.machine.gpus", lambda: ("0", "1", "2", "3"))
    found = launch(TORCHRUN, hosts=("algo-1", "algo-2"))
    assert "--nproc-per-node 4" in command(found)
    assert found.title == "torchrun, 4 processes on each of 2 hosts"
    assert "ACCELERATE_USE_CPU" not in found.environment
    (note,) = found.notes
    assert "the hosts' GPUs talk over TCP: this image has no EFA" in note


def test_one_host_s_gpus_need_no_note(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dockwright_shared.machine.gpus", lambda: ("0", "1"))
    assert not launch(TORCHRUN).notes


def test_efa_is_used_where_image_and_machine_have_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "rdmap0s6").mkdir()
    monkeypatch.setattr(network, "has_efa", lambda: True)
    monkeypatch.setattr(network, "_EFA_DEVICES", tmp_path)
    found = launch(TORCHRUN, hosts=("algo-1", "algo-2"))
    assert found.environment["FI_PROVIDER"] == "efa"
    assert not found.notes


def test_efa_is_found_by_nccl_s_plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert not network.has_efa(tmp_path)
    plugin = tmp_path / "opt/amazon/ofi-nccl/lib/x86_64-linux-gnu/libnccl-net-ofi.so"
    plugin.parent.mkdir(parents=True)
    plugin.touch()
    assert network.has_efa(tmp_path)


@pytest.mark.usefixtures("interfaces")
def test_processes_use_the_interface_that_sagemaker_names() -> None:
    found = launch(TORCHRUN, hosts=("algo-1", "algo-2"))
    assert found.environment["NCCL_SOCKET_IFNAME"] == "eth0"
    assert found.environment["GLOO_SOCKET_IFNAME"] == "eth0"


def test_an_interface_that_is_not_there_is_not_used(interfaces: Path) -> None:
    (interfaces / "eth0").rmdir()
    assert launch(TORCHRUN).environment["GLOO_SOCKET_IFNAME"] == "lo"
    assert "GLOO_SOCKET_IFNAME" not in launch(TORCHRUN, hosts=("a", "algo-1")).environment


def test_what_the_user_has_set_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    assert "OMP_NUM_THREADS" not in launch({}).environment


def test_accelerate_counts_the_processes_of_all_hosts() -> None:
    settings = ACCELERATE | {"sagemaker_mpi_num_of_processes_per_host": 2}
    told = command(launch(settings, hosts=("algo-1", "algo-2"), current="algo-2"))
    assert "--multi_gpu --num_processes 4 --num_machines 2 --machine_rank 1" in told
    assert "--main_process_ip algo-1 --main_process_port 7777" in told


def test_accelerate_leaves_a_single_process_alone() -> None:
    found = launch(ACCELERATE)
    assert command(found) == "python train.py --epochs 3"
    assert not found.processes


def test_mpirun_starts_on_the_master_and_the_others_wait() -> None:
    hosts = ("algo-1", "algo-2")
    settings = MPI | {
        "sagemaker_mpi_num_of_processes_per_host": 8,
        "sagemaker_mpi_custom_mpi_options": "--NCCL_DEBUG WARN -x 'A=b c' -mca coll ^tuned",
    }
    master, other = (launch(settings, hosts=hosts, current=host) for host in hosts)
    assert "mpirun --host algo-1:8,algo-2:8 -np 16 " in command(master)
    assert " -x 'A=b c' -mca coll '^tuned' -x NCCL_DEBUG=WARN " in command(master)
    assert command(master).endswith(RANK.replace(sys.executable, "python"))
    assert other.command is None
    assert master.over_ssh
    assert other.over_ssh
    assert master.environment["MASTER_ADDR"] == "algo-1"


def test_mpirun_on_one_host_needs_no_network() -> None:
    found = launch(MPI)
    assert "mpirun --host localhost:1 -np 1 " in command(found)
    assert not found.over_ssh


def test_tensorflow_images_have_no_mpirun_and_say_how_their_hosts_train(image: set[str]) -> None:
    image ^= PYTORCH | {"tensorflow"}
    with pytest.raises(RequirementError) as caught:
        launch(MPI)
    assert str(caught.value) == (
        "this image has no mpirun, which the job's distribution settings need; TensorFlow's way to "
        "train on several hosts is MultiWorkerMirroredStrategy, "
        'distribution={"multi_worker_mirrored_strategy": {"enabled": True}}'
    )


def test_a_shell_script_may_run_under_mpirun_alone() -> None:
    with pytest.raises(ConfigError, match="it is no Python script"):
        launch(TORCHRUN, name="train.sh")


def test_without_the_data_parallel_library_torchrun_starts_and_says_so() -> None:
    found = launch(DATA_PARALLEL, hosts=("algo-1", "algo-2"))
    assert found.title == "torchrun, 1 process on each of 2 hosts"
    (note,) = found.notes
    assert "(smdistributed.dataparallel) is not in this image" in note
    assert "an add-on of the image's manifest brings its wheel" in note
    assert "torchrun starts the script" in note


def test_with_the_data_parallel_library_its_launcher_starts(image: set[str]) -> None:
    image.add("smdistributed.dataparallel")
    found = launch(DATA_PARALLEL, hosts=("algo-1", "algo-2"))
    assert "smddprun python train.py" in command(found)
    assert found.environment["SMDATAPARALLEL_USE_HOMOGENEOUS"] == "1"
    assert found.environment["SMDATAPARALLEL_SERVER_ADDR"] == "algo-1"
    assert not found.notes
    alone = launch(DATA_PARALLEL)
    assert alone.environment["SMDATAPARALLEL_USE_SINGLENODE"] == "1"


def test_torchrun_may_use_the_data_parallel_library_as_its_backend(image: set[str]) -> None:
    assert "is not in this image" in launch(TORCHRUN | DATA_PARALLEL).notes[0]
    image.add("smdistributed.dataparallel")
    found = launch(TORCHRUN | DATA_PARALLEL)
    assert "torch.distributed.run" in command(found)
    assert not found.notes


@pytest.mark.parametrize("settings", [MPI, TORCHRUN, {}])
def test_without_the_model_parallel_library_its_parameters_are_refused(
    settings: Mapping[str, object],
) -> None:
    with pytest.raises(RequirementError, match=r"fully_shard.*torch_distributed"):
        launch(settings, hyperparameters={"mp_parameters": {"partitions": 2}})


def test_with_the_model_parallel_library_mpirun_starts_it(image: set[str]) -> None:
    image |= {"smdistributed.modelparallel", "smddpmprun"}
    found = launch(MPI, hyperparameters={"mp_parameters": {"partitions": 2}})
    assert "smddpmprun -i local --allow-bypass python train.py" in command(found)
    assert found.environment["NCCL_ALGO"] == "ring"


def test_tf_config_names_the_workers_as_sagemaker_s_images_do(image: set[str]) -> None:
    image.add("tensorflow")
    found = launch(MIRRORED, hosts=("algo-1", "algo-2"), current="algo-2")
    assert json.loads(found.environment["TF_CONFIG"]) == {
        "cluster": {"worker": ["algo-1:8890", "algo-2:8890"]},
        "environment": "cloud",
        "task": {"index": 1, "type": "worker"},
    }
    assert command(found) == "python train.py --epochs 3"


def test_tensorflow_has_its_own_way_without_the_data_parallel_library(image: set[str]) -> None:
    image.add("tensorflow")
    found = launch(DATA_PARALLEL, hosts=("algo-1", "algo-2"))
    assert "TF_CONFIG" in found.environment
    assert "trains on each host by itself" in found.notes[0]


GROUPS = {"gpus": ("algo-2", "algo-3"), "data": ("algo-1",)}
CHOSEN = TORCHRUN | {"sagemaker_distribution_instance_groups": ["gpus"]}


def test_hosts_outside_the_instance_groups_run_one_process() -> None:
    hosts = ("algo-1", "algo-2", "algo-3")
    outside = launch(CHOSEN, hosts=hosts, groups=GROUPS)
    assert command(outside) == "python train.py --epochs 3"
    inside = launch(CHOSEN, hosts=hosts, current="algo-3", groups=GROUPS)
    assert "--nnodes 2 --node-rank 1 --master-addr algo-2" in command(inside)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (TORCHRUN | MPI, "only one launcher can start the script"),
        (TORCHRUN | {"sagemaker_mpi_num_of_processes_per_host": 0}, "1 or more, not 0"),
        (TORCHRUN | {"sagemaker_mpi_num_of_processes_per_host": "two"}, "not 'two'"),
        ({"sagemaker_mpi_enabled": 3}, "must be true or false, not 3"),
        (MPI | {"sagemaker_mpi_custom_mpi_options": "-x 'A"}, "No closing quotation"),
        (MPI | {"sagemaker_mpi_custom_mpi_options": 1}, "must be a text, not 1"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: Mapping[str, object], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        launch(settings)


def test_an_instance_group_that_is_none_is_refused() -> None:
    settings = TORCHRUN | {"sagemaker_distribution_instance_groups": ["tpus"]}
    with pytest.raises(ConfigError, match=r"\['tpus'\], and the job has the groups gpus, data"):
        launch(settings, groups=GROUPS)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"sagemaker_parameter_server_enabled": True}, "MultiWorkerMirroredStrategy"),
        ({"sagemaker_pytorch_xla_multi_worker_enabled": True}, "PyTorch/XLA is not in this image"),
        (MIRRORED, "this image has no tensorflow"),
    ],
)
def test_what_the_image_cannot_do_is_refused(settings: Mapping[str, object], told: str) -> None:
    with pytest.raises(RequirementError, match=told):
        launch(settings)


def test_settings_that_are_off_choose_nothing() -> None:
    off = dict.fromkeys([*TORCHRUN, *MPI, *DATA_PARALLEL, *MIRRORED], False)
    assert launch(off | {"sagemaker_parameter_server_enabled": "false"}).title == "one process"


def test_a_rank_of_mpi_gets_the_variables_that_pytorch_looks_for() -> None:
    found = rank.environment(
        {
            "OMPI_COMM_WORLD_RANK": "3",
            "OMPI_COMM_WORLD_SIZE": "4",
            "OMPI_COMM_WORLD_LOCAL_RANK": "1",
            "OMPI_COMM_WORLD_LOCAL_SIZE": "2",
            "MASTER_ADDR": "algo-1",
            "PYTHONUNBUFFERED": "1",
        }
    )
    assert found["RANK"] == "3"
    assert found["WORLD_SIZE"] == "4"
    assert found["LOCAL_RANK"] == "1"
    assert found["MASTER_PORT"] == "7777"
    assert "PYTHONUNBUFFERED" not in found
