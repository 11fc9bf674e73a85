"""The libraries of an image in; NVIDIA's among them, what is there twice, what is another CUDA's, out."""

import re
from collections import defaultdict
from pathlib import Path

# `libcudart.so.13`; repacked into other wheels, it is `libcudart-1a2b3c4d.so.13.0.96`.
SONAME = re.compile(
    r"(?P<name>lib[A-Za-z0-9_.]+?)(-[0-9a-f]{8})?\.so(\.(?P<major>[0-9]+))?(\.[0-9]+)*"
)
# These carry CUDA's own major version; cufft, cusolver, cusparse and others have a count of theirs.
NUMBERED_AS_CUDA = ("libcudart", "libcublas", "libcublasLt", "libnvrtc", "libnvJitLink")
# What nothing but Triton's profiler loads, from the folders that its settings name.
OWN_COPIES = "/triton/backends/nvidia/lib/cupti"


def version(accelerator):
    """Return (major, minor) of CUDA: 13 and 0 of `cu130`."""
    return int(accelerator[2:-1]), int(accelerator[-1])


def copies(every):
    """Return name -> paths of each library that NVIDIA's wheels bring, wherever it is found."""
    found = defaultdict(list)
    for path, dynamic in every.items():
        match = SONAME.fullmatch(dynamic.soname or Path(path).name)
        if match and OWN_COPIES not in path:
            found[match["name"]].append(path)
    nvidias = {name for name, paths in found.items() if any("/nvidia/" in path for path in paths)}
    return {name: sorted(found[name]) for name in nvidias | (found.keys() & {*NUMBERED_AS_CUDA})}


def twice(every):
    """Return name -> paths of NVIDIA's libraries that are in several files."""
    return {name: paths for name, paths in copies(every).items() if len(paths) > 1}


def strangers(every, major):
    """Return the paths of libraries that carry another major version of CUDA."""
    numbered = [path for name in NUMBERED_AS_CUDA for path in copies(every).get(name, ())]
    return sorted(p for p in numbered if _major(p, every[p]) != major)


def _major(path, dynamic):
    match = SONAME.fullmatch(dynamic.soname or Path(path).name)
    return int(match["major"]) if match["major"] else None
