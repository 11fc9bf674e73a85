"""A model through the library: latency of one item, throughput of many, in fp32 and bf16."""

import sys

from kit import framework, gpu, lines
from kit.models import MODELS as KINDS

MODELS = ("bert-base", "distilbert", "gpt2", "vit", "whisper-tiny")
# (precision, batch): a CPU takes as long for eight as a GPU for hundreds.
ON_CPU = (("fp32", 1), ("fp32", 8), ("bf16", 1))
ON_GPU = (("fp32", 1), ("fp32", 32), ("bf16", 1), ("bf16", 32))

name = sys.argv[1]
with lines.workload():
    library = framework.load()
    with gpu.metered(library):
        for precision, batch in ON_GPU if library.has_gpu() else ON_CPU:
            call = library.inference(name, batch=batch, precision=precision)
            count, item = KINDS[name].items(batch)
            if name == "gpt2":
                count = batch * library.NEW_TOKENS
            taken = lines.timed(call)
            lines.samples(f"latency {precision} batch={batch}", taken, items=count, item=item)
