"""A unix socket in, whether an engine answers on it out."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

PING = b"GET /_ping HTTP/1.0\r\nHost: engine\r\n\r\n"


def answers(socket_path: Path, *, timeout_s: float = 5.0) -> bool:
    """Tell whether the engine on a socket answers its ping with 200."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(timeout_s)
        try:
            client.connect(str(socket_path))
            client.sendall(PING)
            status = client.recv(64).split(b"\r\n", 1)[0]
        except OSError:
            return False
    return status.split(b" ")[1:2] == [b"200"]
