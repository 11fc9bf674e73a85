"""Every shared library that a program or library in the image needs is in the image."""

import json
import os
from fnmatch import fnmatchcase
from pathlib import Path

import elf

OUTSIDE = {"/proc", "/sys", "/dev", "/smoke", "/tmp"}
# `{"file": pattern, "needs": pattern, "reason": text}`: parts that work only where more is there.
OPTIONAL = json.loads(Path(__file__).with_name("optional_libraries.json").read_text())


def dynamics(top):
    """Return real path -> Dynamic of everything that the dynamic linker loads."""
    found = {}
    for folder, folders, names in os.walk(top):
        folders[:] = [name for name in folders if str(Path(folder, name)) not in OUTSIDE]
        for path in (Path(folder, name) for name in names):
            if path.is_file() and not path.is_symlink() and (dynamic := elf.read(path)):
                found[str(path.resolve())] = dynamic
    return found


def is_optional(path, name):
    return any(fnmatchcase(path, o["file"]) and fnmatchcase(name, o["needs"]) for o in OPTIONAL)


every = dynamics("/")
assert every, "no program or library found at all"
strange = [path for path, dynamic in every.items() if dynamic.machine != elf.X86_64]
assert not strange, f"made for another machine: {strange}"
lost = {pair for root in elf.roots(every) for pair in elf.missing(root, every)}
lost = sorted(f"{path} needs {name}" for path, name in lost if not is_optional(path, name))
assert not lost, "libraries that are nowhere in the image:\n" + "\n".join(lost)
print(f"{len(every)} programs and libraries find what they need")
