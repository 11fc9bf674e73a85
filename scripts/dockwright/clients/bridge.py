"""A network bridge of our own: its name in, the kernel's interface made or removed.

Plain ioctls, as bridge-utils does it: iproute2 is not on every host.
"""

from __future__ import annotations

import errno
import fcntl
import socket
import struct
from pathlib import Path

from dockwright.errors import NoEngineError

INTERFACES_PATH = Path("/sys/class/net")
# linux/sockios.h
_ADD_BRIDGE, _DELETE_BRIDGE = 0x89A0, 0x89A1
_GET_FLAGS, _SET_FLAGS = 0x8913, 0x8914
_UP = 0x1
_REQUEST = "16sh22x"  # struct ifreq: name, flags, rest of the union


def ensure(name: str) -> None:
    """Make the bridge unless it exists."""
    try:
        _ioctl(_ADD_BRIDGE, name.encode() + b"\0")
    except OSError as e:
        if e.errno == errno.EEXIST:
            return
        msg = f"the kernel refuses the network bridge {name}: {e.strerror}"
        raise NoEngineError(msg) from None


def remove(name: str) -> None:
    """Take a bridge down and delete it; nothing happens when there is none."""
    if not (INTERFACES_PATH / name / "bridge").exists():
        return
    answer = _ioctl(_GET_FLAGS, struct.pack(_REQUEST, name.encode(), 0))
    flags = struct.unpack(_REQUEST, answer)[1]
    # The kernel deletes a bridge only when it is down.
    _ioctl(_SET_FLAGS, struct.pack(_REQUEST, name.encode(), flags & ~_UP))
    _ioctl(_DELETE_BRIDGE, name.encode() + b"\0")


def _ioctl(request: int, argument: bytes) -> bytes:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        return fcntl.ioctl(control, request, argument)


def names() -> tuple[str, ...]:
    """Return the bridges of this network namespace."""
    return tuple(sorted(p.parent.name for p in INTERFACES_PATH.glob("*/bridge")))
