"""A model in training: seconds of one step, in fp32 and bf16."""

import sys

from kit import framework, gpu, lines
from kit.models import MODELS as KINDS

MODELS = ("bert-base", "distilbert", "gpt2", "vit", "whisper-tiny")
CPU_BATCH, GPU_BATCH = 2, 32

name = sys.argv[1]
with lines.workload():
    library = framework.load()
    batch = GPU_BATCH if library.has_gpu() else CPU_BATCH
    count, item = KINDS[name].items(batch)
    with gpu.metered(library):
        for precision in ("fp32", "bf16"):
            step = library.training(name, batch=batch, precision=precision)
            taken = lines.timed(step, warm_up=1)
            lines.samples(f"step {precision} batch={batch}", taken, items=count, item=item)
