"""What the dynamic linker finds in an image in; what is lost, and which excuses are idle, out."""

import re
from fnmatch import fnmatchcase

import elf

# The container runtime mounts these from the host, as they belong to its kernel.
DRIVER = re.compile(r"libcuda\.so\.1|libnvidia-[a-z0-9-]+\.so\.[0-9]+")


def lost(every, cached, *, has_cuda):
    """Return (path, name) of each library that is nowhere, the driver's aside where it may come."""
    pairs = {pair for root in elf.roots(every) for pair in elf.missing(root, every, cached)}
    return {pair for pair in pairs if not (has_cuda and DRIVER.fullmatch(pair[1]))}


def judge(pairs, excuses, identifier):
    """Return the losses that nothing excuses, and the reasons of excuses that excuse nothing.

    An excuse is `{"images": pattern, "file": pattern, "needs": [pattern, ...], "reason": text}`
    and must be of use in every image that it speaks of.
    """
    applying = [e for e in excuses if fnmatchcase(identifier, e["images"])]
    inexcusable = sorted(pair for pair in pairs if not any(fits(e, pair) for e in applying))
    idle = [e["file"] for e in applying if not any(fits(e, pair) for pair in pairs)]
    return inexcusable, idle


def fits(excuse, pair):
    path, name = pair
    return fnmatchcase(path, excuse["file"]) and any(fnmatchcase(name, n) for n in excuse["needs"])
