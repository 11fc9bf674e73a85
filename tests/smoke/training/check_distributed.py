"""What starts several processes starts them: mpirun, and torchrun where PyTorch is."""

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

FACTS = json.loads(Path(os.environ["DOCKWRIGHT_FACTS"]).read_text())
# The SageMaker SDK's own driver, v3, starts with bash, python3 and pip3.
NEEDED = ("bash", "python3", "pip3", "git", "ssh", "sshd", "ssh-keygen", "mpirun", "train")
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


def lines(word, *argv):
    """Return a program's lines that begin so, sorted: processes end in any order.

    PyTorch 2.10's gloo tells of itself on standard output.
    """
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, f"{argv[0]} fails: {done.stdout}{done.stderr}"
    return sorted(line for line in done.stdout.splitlines() if line.startswith(word))


missing = [name for name in NEEDED if shutil.which(name) is None]
assert not missing, f"not on PATH: {', '.join(missing)}"
flags = ("--allow-run-as-root", "--oversubscribe", "-n", "2")
ranks = lines("rank", "mpirun", *flags, "python3", "-c", RANK)
assert ranks == ["rank 0", "rank 1"], ranks
if FACTS["module"] == "torch":
    with tempfile.NamedTemporaryFile("w", suffix=".py") as script:
        script.write(SUM)
        script.flush()
        # Not --standalone: without a network it never finds this host by its name.
        where = ("--master_addr=127.0.0.1", "--master_port=17777", "--nproc_per_node=2")
        sums = lines("sum", "torchrun", *where, script.name)
    assert sums == ["sum 3", "sum 3"], sums
print(subprocess.check_output(["mpirun", "--version"], text=True).splitlines()[0])
