"""Where there is no GPU, the framework is imported, says so, computes on the CPU, and crashes not."""

import json
import os
import subprocess
import sys
from pathlib import Path

FACTS = json.loads(Path(os.environ["DOCKWRIGHT_FACTS"]).read_text())
USE = {
    "torch": """
import torch
assert not torch.cuda.is_available(), "a GPU is available"
assert torch.cuda.device_count() == 0, torch.cuda.device_count()
try:
    torch.zeros(1).cuda()
except RuntimeError as e:
    print(str(e).splitlines()[0])
else:
    raise AssertionError("a tensor went to a GPU that is not there")
assert (torch.eye(3) @ torch.ones(3)).sum().item() == 3
""",
    "tensorflow": """
import tensorflow as tf
assert tf.config.list_physical_devices("GPU") == [], tf.config.list_physical_devices()
assert tf.test.is_built_with_cuda(), "built without CUDA"
assert float(tf.reduce_sum(tf.linalg.matvec(tf.eye(3), tf.ones(3)))) == 3
print("no GPU among", len(tf.config.list_physical_devices()), "devices")
""",
}

# So it is on a host with GPUs as well.
environment = os.environ | {"CUDA_VISIBLE_DEVICES": ""}
argv = [sys.executable, "-c", USE[FACTS["module"]]]
done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False)
assert done.returncode == 0, f"exit code {done.returncode}:\n{done.stderr[-3000:]}"
print(done.stdout.strip())
