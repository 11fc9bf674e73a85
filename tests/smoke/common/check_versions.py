"""Every library that the manifest pins is there in exactly the pinned version."""

import json
import os
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

FACTS = json.loads(Path(os.environ["DOCKWRIGHT_FACTS"]).read_text())


def found(name):
    try:
        return version(name)
    except PackageNotFoundError:
        return "nothing"


wrong = {name: (pin, found(name)) for name, pin in FACTS["pins"].items() if found(name) != pin}
assert not wrong, "\n".join(f"{n}: pinned {pin}, found {got}" for n, (pin, got) in wrong.items())
print(f"{len(FACTS['pins'])} pins hold")
