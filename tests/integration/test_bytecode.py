"""Compiled modules are those that the image's own Python makes, in any order and any process."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from dockwright import process
from dockwright.composition import compile_modules
from dockwright.composition.render import MTIME

if TYPE_CHECKING:
    from dockwright.clients.engine import Engine
    from dockwright.spec.records import BuildRecord

# Compiles what the image holds compiled anew, from the last to the first: the program is the one
# that ran on the host, under the base's Python.
PROGRAM = """
import json, sys
from importlib.util import source_from_cache
from pathlib import Path
exec(sys.argv[1])
site = Path(sys.argv[2])
every = sorted(site.rglob("*.pyc"), reverse=True)
other = []
for path in every:
    source = Path(source_from_cache(str(path)))
    name = str(source.relative_to(site))
    made = compiled(name, source.read_bytes(), folder=str(site), mtime=int(sys.argv[3]))
    if made != path.read_bytes():
        other.append(name)
print(json.dumps([len(every), other]))
"""


def test_the_image_s_own_python_makes_the_same_bytes(
    engine: Engine, inference: BuildRecord
) -> None:
    source = Path(compile_modules.__file__).read_text("utf-8").partition("\n\nif __name__")[0]
    site = "/opt/venv/lib/python3.11/site-packages"
    argv = (*engine.docker, "run", "--rm", "--network=none", inference.reference)
    python = ("python3", "-S", "-W", "ignore", "-c", PROGRAM, source, site, str(MTIME))
    count, other = json.loads(process.run((*argv, *python), timeout_s=300))
    assert count > 1000
    assert other == []
