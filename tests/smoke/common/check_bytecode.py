"""Compiled modules are valid as they lie there, each made of its source by this very Python."""

import json
import marshal
import os
from importlib.util import MAGIC_NUMBER, source_from_cache
from pathlib import Path

PRISTINE = True
STEP = 25

FACTS = json.loads(Path(os.environ["DOCKWRIGHT_FACTS"]).read_text())


def number(data):
    return int.from_bytes(data, "little")


compiled = sorted(Path(FACTS["venv"]).rglob("*.pyc"))
for path in compiled:
    source = Path(source_from_cache(str(path)))
    stat, head = source.stat(), path.read_bytes()[:16]
    assert head[:4] == MAGIC_NUMBER, f"{path} is another Python's"
    assert number(head[4:8]) == 0, f"{path} is not checked by time and size"
    assert number(head[8:12]) == int(stat.st_mtime), f"{path} is older or newer than its source"
    assert number(head[12:]) == stat.st_size, f"{path} was made of a source of another size"
for path in compiled[::STEP]:
    source = source_from_cache(str(path))
    code = compile(Path(source).read_bytes(), source, "exec", dont_inherit=True)
    found = marshal.loads(path.read_bytes()[16:])  # noqa: S302 - dockwright wrote it
    assert found == code, f"{path} is not what its source says"
assert compiled or FACTS["runtime"] is None, "an image that is to start fast has nothing compiled"
print(f"{len(compiled)} compiled modules")
