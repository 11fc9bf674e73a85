"""What is left out of wheels is not there, and no file names it but those that the manifest knows."""

import json
import os
import shutil
import subprocess
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

FACTS = json.loads(Path(os.environ["DOCKWRIGHT_FACTS"]).read_text())
FOLDERS = ("/opt", "/usr", "/etc")
HEADERS = (".h", ".hpp", ".inc")
COMPILERS = ("cc", "c++", "gcc", "g++", "nvcc")


def name_of(pattern):
    """Return what names the files of a pattern, wherever it stands: how their own names begin."""
    return PurePosixPath(pattern).name.partition("*")[0].rstrip(".")


def fits(path, patterns):
    return any(fnmatchcase(path, pattern) for pattern in patterns)


def naming(names):
    """Yield the files that have one of the names in them: who loads a library has to name it."""
    wanted = [part for name in names for part in ("-e", name)]
    argv = ["grep", "--recursive", "--files-with-matches", "--text", "--fixed-strings", *wanted]
    done = subprocess.run([*argv, *FOLDERS], capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), f"grep fails: {done.stderr}"
    yield from done.stdout.splitlines()


(site,) = Path(FACTS["venv"]).glob("lib/python*/site-packages")
patterns, known = FACTS["left_out"], FACTS["left_out_named_in"]
if patterns:
    installed = (str(path.relative_to(site)) for path in site.rglob("*"))
    there = [path for path in installed if fits(path, patterns)]
    assert not there, f"left out and yet there: {', '.join(there[:10])}"

headers = [pattern for pattern in patterns if pattern.endswith(HEADERS)]
compilers = [name for name in COMPILERS if shutil.which(name)]
assert not (headers and compilers), f"headers are left out, and there is {', '.join(compilers)}"

names = sorted({name_of(pattern) for pattern in patterns if pattern not in headers})
assert all(names), f"not to be found by a name: {patterns}"
found = [path.removeprefix(f"{site}/") for path in naming(names)] if names else []
strangers = [path for path in found if not fits(path, known)]
assert not strangers, f"of {', '.join(names)}, left out, something is named in {strangers}"
idle = [pattern for pattern in known if not any(fnmatchcase(path, pattern) for path in found)]
assert not idle, f"names nothing any more, so remove it from `named_in`: {', '.join(idle)}"
print(f"{len(patterns)} patterns of files, {len(names)} of them looked for in every file")
