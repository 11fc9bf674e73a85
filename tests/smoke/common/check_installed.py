"""Installed is exactly what the lock says: nothing more, nothing less, nothing twice."""

import json
import os
import re
from importlib.metadata import distributions
from pathlib import Path

FACTS = json.loads(Path(os.environ["DOCKWRIGHT_FACTS"]).read_text())


def normalized(name):
    return re.sub(r"[-_.]+", "-", name).lower()


installed = sorted((normalized(d.name), d.version) for d in distributions())
locked = sorted(FACTS["wheels"].items())
names = [name for name, _ in installed]
twice = sorted({name for name in names if names.count(name) > 1})
assert not twice, f"installed twice: {', '.join(twice)}"
extra = sorted(set(installed) - set(locked))
missing = sorted(set(locked) - set(installed))
assert not extra, f"installed but not locked: {extra}"
assert not missing, f"locked but not installed: {missing}"
dropped = sorted(set(FACTS["dropped"]) & set(names))
assert not dropped, f"replaced by another distribution, yet installed: {dropped}"
print(f"{len(installed)} distributions, all as locked")
