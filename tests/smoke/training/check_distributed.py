"""What starts several processes starts them: mpirun and torchrun, or TensorFlow by TF_CONFIG."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

FACTS = json.loads(Path(os.environ["DOCKWRIGHT_FACTS"]).read_text())
# The SageMaker SDK's own driver, v3, starts with bash, python3 and pip3.
NEEDED = ("bash", "python3", "pip3", "git", "train")
FOR_MPI = ("ssh", "sshd", "ssh-keygen", "mpirun")
# One write a line: print makes two of it, and the other process may come between.
RANK = """
import os, sys
sys.stdout.write(f"rank {os.environ['OMPI_COMM_WORLD_RANK']}\\n")
"""
SUM = """
import sys, torch, torch.distributed as dist
dist.init_process_group("gloo")
total = torch.tensor([dist.get_rank() + 1])
dist.all_reduce(total)
sys.stdout.write(f"sum {total.item()}\\n")
dist.destroy_process_group()
"""
MIRRORED = """
import json, os, sys, tensorflow as tf
strategy = tf.distribute.MultiWorkerMirroredStrategy()
mine = tf.constant(json.loads(os.environ["TF_CONFIG"])["task"]["index"] + 1.0)
total = strategy.run(lambda: tf.distribute.get_replica_context().all_reduce("SUM", mine))
sys.stdout.write(f"sum {int(total)}\\n")
"""
WORKERS = ["127.0.0.1:17779", "127.0.0.1:17780"]


def require(*names):
    missing = [name for name in names if shutil.which(name) is None]
    assert not missing, f"not on PATH: {', '.join(missing)}"


def lines(word, *argv):
    """Return a program's lines that begin so, sorted: processes end in any order.

    PyTorch 2.10's gloo tells of itself on standard output.
    """
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, f"{argv[0]} fails: {done.stdout}{done.stderr}"
    return sorted(line for line in done.stdout.splitlines() if line.startswith(word))


def pytorch():
    require(*NEEDED, *FOR_MPI)
    flags = ("--allow-run-as-root", "--oversubscribe", "-n", "2")
    ranks = lines("rank", "mpirun", *flags, "python3", "-c", RANK)
    assert ranks == ["rank 0", "rank 1"], ranks
    with tempfile.NamedTemporaryFile("w", suffix=".py") as script:
        script.write(SUM)
        script.flush()
        # Not --standalone: without a network it never finds this host by its name.
        where = ("--master_addr=127.0.0.1", "--master_port=17777", "--nproc_per_node=2")
        sums = lines("sum", "torchrun", *where, script.name)
    assert sums == ["sum 3", "sum 3"], sums
    return subprocess.check_output(["mpirun", "--version"], text=True).splitlines()[0]


def worker(index):
    """Start one of two workers that find each other as `train` has them do."""
    config = {"cluster": {"worker": WORKERS}, "task": {"type": "worker", "index": index}}
    return subprocess.Popen(
        [sys.executable, "-c", MIRRORED],
        env=os.environ | {"TF_CONFIG": json.dumps(config)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def tensorflow():
    require(*NEEDED)
    workers = [worker(index) for index in range(len(WORKERS))]
    for process in workers:
        said, error = process.communicate(timeout=120)
        assert process.returncode == 0, f"exit code {process.returncode}: {error[-3000:]}"
        assert said == "sum 3\n", said
    return "MultiWorkerMirroredStrategy of two workers"


print({"torch": pytorch, "tensorflow": tensorflow}[FACTS["module"]]())
