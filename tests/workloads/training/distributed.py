"""A model trained on several devices at once: all GPUs, or two parts of the CPU.

PyTorch's way is a process for each, started by torchrun, over NCCL or gloo; TensorFlow's is one
process with a replica on each.
"""

import os
import subprocess
import sys

from kit import framework, lines
from kit.models import MODELS as KINDS

MODELS = ("distilbert",)
ON_CPU = 2
CPU_BATCH, GPU_BATCH = 2, 32
STEPS = 5
LIMIT_S = 900


def tell(name, taken, batch, devices):
    count, item = KINDS[name].items(batch * devices)
    lines.samples(f"step fp32 batch={batch} devices={devices}", taken, items=count, item=item)


def worker(name, batch):
    """Train as one of several processes; the first tells what it measured."""
    import torch
    import torch.distributed as dist
    from torch.nn.parallel import DistributedDataParallel

    library = framework.load()
    if library.has_gpu():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    dist.init_process_group("nccl" if library.has_gpu() else "gloo")
    step = library.training(name, batch=batch, precision="fp32", wrap=DistributedDataParallel)
    # The same number of steps in every process, or some would wait for ever.
    taken = lines.counted(step, STEPS)
    if dist.get_rank() == 0:
        tell(name, taken, batch, dist.get_world_size())
    dist.destroy_process_group()


def torchrun(name, batch, devices):
    """Start the workers, whose lines go where ours go."""
    where = ("--master_addr=127.0.0.1", "--master_port=17777", f"--nproc_per_node={devices}")
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    argv = ["torchrun", *where, __file__, name, str(batch)]
    code = subprocess.run(
        argv, env=environment, stdin=subprocess.DEVNULL, timeout=LIMIT_S, check=False
    ).returncode
    if code:
        sys.exit(f"torchrun ended with exit code {code}")


def main(name):
    library = framework.load()
    if library.gpu_count() == 1:
        lines.needs("2 GPUs")
    devices = library.gpu_count() or ON_CPU
    batch = GPU_BATCH if library.has_gpu() else CPU_BATCH
    if hasattr(library, "mirrored"):
        step = library.mirrored(name, batch=batch, replicas=devices)
        tell(name, lines.counted(step, STEPS), batch, devices)
    else:
        torchrun(name, batch, devices)


if len(sys.argv) > 2:
    worker(sys.argv[1], int(sys.argv[2]))
else:
    with lines.workload():
        main(sys.argv[1])
