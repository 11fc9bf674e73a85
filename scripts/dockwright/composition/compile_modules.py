"""Compile modules. Run by the Python of an image, which writes the byte code that it reads.

python3 compile_modules.py WORK FOLDER MTIME: WORK holds marshalled pairs of path and source, and
afterwards pairs of path and .pyc. FOLDER is where the sources will lie, MTIME their time.

A .pyc's bytes follow from source, path and interpreter alone: marshal marks what something else in
the process refers to as well, hence a new process, one order, and nothing kept between two files.
"""

import marshal
import sys
from importlib.util import MAGIC_NUMBER
from pathlib import Path

FORMAT = 4
"""The one that pythons up to 3.13 write into .pyc; all later ones read it."""


def compiled(path: str, source: bytes, *, folder: str, mtime: int) -> bytes:
    """Return a module's .pyc, valid while its source has this time and size."""
    code = compile(source, f"{folder}/{path}", "exec", dont_inherit=True, optimize=0)
    facts = (0, mtime, len(source) & 0xFFFFFFFF)
    head = b"".join(fact.to_bytes(4, "little") for fact in facts)
    return MAGIC_NUMBER + head + marshal.dumps(code, FORMAT)


def main(work: str, folder: str, mtime: str) -> None:
    """Replace the sources in the file `work` by what they compile to."""
    sources = marshal.loads(Path(work).read_bytes())  # noqa: S302 - written by dockwright
    made = [(p, compiled(p, source, folder=folder, mtime=int(mtime))) for p, source in sources]
    Path(work).write_bytes(marshal.dumps(made, FORMAT))


if __name__ == "__main__":
    main(*sys.argv[1:])
