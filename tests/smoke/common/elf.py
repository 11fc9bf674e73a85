"""An ELF file in; the libraries that the dynamic linker would not find for it out.

Plain Python, because images have no `readelf`, and because `ldd` runs what it looks at.
"""

import os
import re
import struct
import subprocess
from pathlib import Path

PT_LOAD, PT_DYNAMIC = 1, 2
DT_NULL, DT_NEEDED, DT_STRTAB, DT_SONAME, DT_RPATH, DT_RUNPATH = 0, 1, 5, 14, 15, 29
X86_64 = 62
DEFAULT_FOLDERS = ("/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib", "/usr/lib")
OUTSIDE = {"/proc", "/sys", "/dev", "/smoke", "/tmp"}
CACHED = re.compile(r"^\s+(\S+) \(libc6,x86-64.*\) => (\S+)$", re.MULTILINE)


class Dynamic:
    """What a file says to the dynamic linker."""

    def __init__(self, machine, needed, soname, rpath, runpath):
        self.machine = machine
        self.needed = needed
        self.soname = soname
        self.runpath = runpath
        # The linker passes over RPATH where there is a RUNPATH.
        self.rpath = [] if runpath else rpath


def scan(top):
    """Return real path -> Dynamic of everything below a folder that the dynamic linker loads."""
    found = {}
    for folder, folders, names in os.walk(top):
        folders[:] = [name for name in folders if str(Path(folder, name)) not in OUTSIDE]
        # Byte code is none, and what other checks have Python write meanwhile comes and goes.
        for path in (Path(folder, name) for name in names if ".pyc" not in name):
            if path.is_file() and not path.is_symlink() and (dynamic := read(path)):
                found[str(path.resolve())] = dynamic
    return found


def cache():
    """Return name -> path of what the linker's cache has, such as a driver mounted from the host."""
    told = subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True, check=True)
    return dict(CACHED.findall(told.stdout))


def read(path):
    """Return the file's Dynamic; None unless it is a dynamically linked 64-bit ELF file."""
    with Path(path).open("rb") as file:
        head = file.read(64)
        if len(head) < 64 or head[:6] != b"\x7fELF\x02\x01":
            return None
        segments = list(program_headers(file, head))
        dynamic = next((s for s in segments if s[0] == PT_DYNAMIC), None)
        if dynamic is None:
            return None
        file.seek(dynamic[2])
        tags = list(struct.iter_unpack("<qQ", file.read(dynamic[5] // 16 * 16)))
        end = next((i for i, (tag, _) in enumerate(tags) if tag == DT_NULL), len(tags))
        tags = tags[:end]
        # Files of debug symbols keep the section's place and not its content.
        has_strings = any(tag == DT_STRTAB for tag, _ in tags)
        machine = struct.unpack_from("<H", head, 18)[0]
        return interpret(file, machine, segments, tags) if has_strings else None


def program_headers(file, head):
    """Yield (type, flags, offset, address, physical address, file size, memory size, alignment)."""
    offset = struct.unpack_from("<Q", head, 32)[0]
    size, count = struct.unpack_from("<HH", head, 54)
    file.seek(offset)
    table = file.read(size * count)
    for i in range(count):
        yield struct.unpack_from("<IIQQQQQQ", table, i * size)


def interpret(file, machine, segments, tags):
    """Read the strings that the tags of a dynamic section mean."""
    address = next(value for tag, value in tags if tag == DT_STRTAB)
    offset = next(
        s[2] + address - s[3] for s in segments if s[0] == PT_LOAD and s[3] <= address < s[3] + s[5]
    )

    def texts(wanted):
        return [text(file, offset + value) for tag, value in tags if tag == wanted]

    def folders(wanted):
        return [folder for entry in texts(wanted) for folder in entry.split(":") if folder]

    soname = next(iter(texts(DT_SONAME)), None)
    return Dynamic(machine, texts(DT_NEEDED), soname, folders(DT_RPATH), folders(DT_RUNPATH))


def text(file, offset):
    """Read the zero-terminated string at an offset."""
    file.seek(offset)
    return file.read(4096).split(b"\0", 1)[0].decode()


def missing(root, dynamics, cached=None):
    """Yield (path, name) for each library that is not found when `root` is loaded.

    `dynamics` maps the real path of every file to its Dynamic, `cached` names to paths as the
    linker's cache does. As ld.so(8) has it: a RUNPATH serves the file's own needs only, an RPATH
    also those of everything that the file pulls in, the cache and the default folders serve all,
    and what is loaded already under the name is not looked for again.
    """
    cached = cached or {}
    loaded, queue = set(), [(root, [])]
    while queue:
        path, inherited = queue.pop(0)
        dynamic = dynamics[path]
        handed_down = expand(dynamic.rpath, path) + inherited
        search = expand(dynamic.runpath, path) or handed_down
        for name in dynamic.needed:
            if name in loaded:
                continue
            loaded.add(name)
            found = find(expand([name], path)[0], (*search, *DEFAULT_FOLDERS))
            found = found or (find(cached[name], ()) if name in cached else None)
            if found is None:
                yield path, name
            elif found in dynamics:
                queue.append((found, handed_down))


def expand(folders, path):
    """Put the file's own folder for $ORIGIN."""
    origin = str(Path(path).parent)
    return [f.replace("${ORIGIN}", origin).replace("$ORIGIN", origin) for f in folders]


def find(name, folders):
    """Return the real path of a library; None if it is in none of the folders."""
    candidates = [Path(name)] if "/" in name else [Path(folder, name) for folder in folders]
    return next((str(path.resolve()) for path in candidates if path.is_file()), None)


def roots(dynamics):
    """Return the files that no other file names as needed: programs, extensions, plugins."""
    needed = {name for dynamic in dynamics.values() for name in dynamic.needed}
    return [p for p, d in dynamics.items() if d.soname not in needed and Path(p).name not in needed]
