"""An engine's socket in; its BuildKit behind a socket of its own, as a remote builder has one, out.

What buildx's `remote` driver connects to speaks gRPC at once; an engine speaks it after an upgrade.
"""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

UPGRADE = b"POST /grpc HTTP/1.1\r\nHost: engine\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"


@contextmanager
def served(engine_socket: str, path: Path) -> Iterator[str]:
    """Serve the engine's BuildKit on a socket while the block runs; yield its address."""
    serving: list[threading.Thread] = []

    def accept() -> None:
        with suppress(OSError):  # shut down at the end
            while True:
                client, _ = listener.accept()
                serving.append(threading.Thread(target=_serve, args=(client, engine_socket)))
                serving[-1].start()

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        serving.append(threading.Thread(target=accept))
        serving[0].start()
        try:
            yield f"unix://{path}"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            for thread in serving:
                thread.join()


def _serve(client: socket.socket, engine_socket: str) -> None:
    with client, socket.socket(socket.AF_UNIX) as upstream:
        upstream.connect(engine_socket)
        upstream.sendall(UPGRADE)
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += upstream.recv(1)
        assert b" 101 " in head, head
        back = threading.Thread(target=_pump, args=(upstream, client), daemon=True)
        back.start()
        _pump(client, upstream)
        back.join()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):  # one side has gone, and so does the other
        while chunk := source.recv(1 << 16):
            target.sendall(chunk)
        target.shutdown(socket.SHUT_RDWR)
