"""Each of NVIDIA's libraries is there once, and those numbered as CUDA are the tag's CUDA."""

import json
import os
import sys
from pathlib import Path

import toolkit

sys.path.append(str(Path(__file__).parents[1] / "common"))
import elf

FACTS = json.loads(Path(os.environ["DOCKWRIGHT_FACTS"]).read_text())
MAJOR, _ = toolkit.version(FACTS["accelerator"])

every = elf.scan("/")
found = toolkit.copies(every)
absent = [name for name in toolkit.NUMBERED_AS_CUDA if name not in found]
assert not absent, f"nowhere in the image: {', '.join(absent)}"
twice = toolkit.twice(every)
assert not twice, "there several times:\n" + "\n".join(
    f"{name}: {', '.join(paths)}" for name, paths in sorted(twice.items())
)
strangers = toolkit.strangers(every, MAJOR)
assert not strangers, f"of another CUDA than {MAJOR}: {', '.join(strangers)}"
print(f"{len(found)} libraries of NVIDIA's, each once")
