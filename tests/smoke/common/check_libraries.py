"""Every shared library that a program or library in the image needs is in the image."""

import json
import os
from pathlib import Path

import elf
import libraries

FACTS = json.loads(Path(os.environ["DOCKWRIGHT_FACTS"]).read_text())
# Parts that work only where more is there, and that nothing else loads.
EXCUSES = json.loads(Path(__file__).with_name("optional_libraries.json").read_text())

every = elf.scan("/")
assert every, "no program or library found at all"
strange = [path for path, dynamic in every.items() if dynamic.machine != elf.X86_64]
assert not strange, f"made for another machine: {strange}"
lost = libraries.lost(every, elf.cache(), has_cuda=FACTS["accelerator"] != "cpu")
inexcusable, idle = libraries.judge(lost, EXCUSES, FACTS["identifier"])
assert not inexcusable, "libraries that are nowhere in the image:\n" + "\n".join(
    f"{path} needs {name}" for path, name in inexcusable
)
assert not idle, "nothing to excuse any more, so remove it from optional_libraries.json: " + (
    ", ".join(idle)
)
print(f"{len(every)} programs and libraries find what they need, {len(lost)} needs are optional")
