"""A compiled model in training: seconds of the first step, which compiles, and of those after it."""

import sys
import time

from kit import framework, gpu, lines
from kit.models import MODELS as KINDS

MODELS = ("distilbert",)
CPU_BATCH, GPU_BATCH = 2, 32

name = sys.argv[1]
with lines.workload():
    library = framework.load()
    batch = GPU_BATCH if library.has_gpu() else CPU_BATCH
    count, item = KINDS[name].items(batch)
    with gpu.metered(library):
        step = library.training(name, batch=batch, precision="fp32", compiled=True)
        begun = time.perf_counter()
        step()
        lines.samples("first step", [time.perf_counter() - begun])
        taken = lines.timed(step, warm_up=1)
        lines.samples(f"step fp32 batch={batch}", taken, items=count, item=item)
