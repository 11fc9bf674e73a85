"""Loading for a plain task leaves out what serving never uses, and changes no answer."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from runtime.serving import tiny_models

if TYPE_CHECKING:
    from pathlib import Path

LEAN = """
import sys
from pathlib import Path
from dockwright_serving.tasks.lean import lean_imports
from dockwright_serving.tasks.load import load
with lean_imports():
    task = load("text-classification", Path(sys.argv[1]), device="cpu", trust_remote_code=False)
answer = task.call("images are built well")
assert "torch._dynamo" not in sys.modules, "the compiler was imported"
assert "torch.distributed.tensor" not in sys.modules, "sharding was imported"
import torch
compiled = torch.compile(lambda x: x + 1, backend="eager")
assert compiled(torch.ones(2)).tolist() == [2.0, 2.0], "the real compiler is there when wanted"
assert torch.distributed.is_available()
print(answer)
"""
PLAIN = """
import sys
from pathlib import Path
from dockwright_serving.tasks.load import load
task = load("text-classification", Path(sys.argv[1]), device="cpu", trust_remote_code=False)
print(task.call("images are built well"))
"""


def test_a_plain_task_is_loaded_without_compiler_and_sharding() -> None:
    with tiny_models.model("bert-classifier") as folder:
        answers = [_run(code, folder) for code in (LEAN, PLAIN)]
    assert answers[0] == answers[1]


def _run(code: str, folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)], check=True, capture_output=True, text=True
    )
    return done.stdout
