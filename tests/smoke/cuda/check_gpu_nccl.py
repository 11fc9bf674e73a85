"""On a GPU, NCCL starts with one rank and adds up what that rank has."""

import json
import os
from pathlib import Path

NEEDS_GPU = True

FACTS = json.loads(Path(os.environ["DOCKWRIGHT_FACTS"]).read_text())


def pytorch():
    import torch
    import torch.distributed as dist

    place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "17778", "RANK": "0", "WORLD_SIZE": "1"}
    os.environ.update(place)
    dist.init_process_group("nccl")
    total = torch.arange(4, device="cuda")
    dist.all_reduce(total)
    dist.destroy_process_group()
    return total.sum().item()


def tensorflow():
    import tensorflow as tf

    reduction = tf.distribute.NcclAllReduce()
    strategy = tf.distribute.MirroredStrategy(["/GPU:0"], cross_device_ops=reduction)
    each = strategy.run(lambda: tf.range(4))
    return int(tf.reduce_sum(strategy.reduce("SUM", each, axis=None)))


total = {"torch": pytorch, "tensorflow": tensorflow}[FACTS["module"]]()
assert total == 6, f"0, 1, 2 and 3 add up to {total}"
print("one rank")
