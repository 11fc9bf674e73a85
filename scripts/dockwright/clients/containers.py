"""Containers in an engine: kept alive by our connection to them, and gone when that has gone."""

from __future__ import annotations

import socket
import struct
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from docker import APIClient

GPUS = {"Driver": "", "Count": -1, "Capabilities": [["gpu"]]}
"""What a container asks for that wants every GPU of its engine."""


@contextmanager
def kept_alive(api: APIClient, container: str) -> Iterator[None]:
    """Start a container that lives as long as our connection to it.

    Its first process reads standard input, which is this block's connection: when that ends, even
    because we were killed, `cat` ends, and the engine removes the container by itself.
    """
    connection = api.attach_socket(container, {"stdin": 1, "stream": 1})
    try:
        api.start(container)
        yield
    finally:
        hang_up(connection)


def frames(connection: object) -> Iterator[tuple[int, bytes]]:
    """Yield what comes over a connection to a program, each piece with its stream: 1 or 2.

    docker-py reads from the bare socket; what came in one packet with the answer's head, as on a
    busy host, is in the response's buffer by then, and lost to it. A program may be silent for as
    long as it likes.
    """
    response: Any = getattr(connection, "_response", None)
    bare: Any = getattr(connection, "_sock", connection)  # within TLS it is the connection
    bare.settimeout(None)
    reader = response.raw._fp.fp
    while len(head := reader.read(8)) == 8:
        stream, size = struct.unpack(">BxxxL", head)
        yield stream, reader.read(size)


def say(connection: object, data: bytes) -> None:
    """Write to the standard input of a program that was started with one."""
    bare: Any = getattr(connection, "_sock", connection)
    bare.sendall(data)


def run(
    api: APIClient, container: str, argv: Sequence[str], *, environment: Mapping[str, str]
) -> tuple[int | None, bytes, bytes]:
    """Run a program in a container; return its exit code, output and errors."""
    key = api.exec_create(container, list(argv), environment=dict(environment))["Id"]
    connection = api.exec_start(key, socket=True)
    said = {1: b"", 2: b""}
    try:
        for stream, piece in frames(connection):
            said[stream] += piece
    finally:
        hang_up(connection)
    return api.exec_inspect(key)["ExitCode"], said[1], said[2]


def remove(api: APIClient, container: str) -> None:
    """End and remove a container, with its volumes, that may be going by itself already."""
    from docker.errors import APIError, NotFound  # noqa: PLC0415 - slow to import

    try:
        api.remove_container(container, force=True, v=True)
    except NotFound:
        pass
    except APIError as e:
        if e.status_code != 409:  # its removal is in progress
            raise


def hang_up(connection: object) -> None:
    """Close what docker-py opened, at once and not when it is collected as garbage.

    It is only a file on the socket; the response that docker-py keeps on it closes both. A thread
    that reads from it meanwhile is woken first: closing would wait for its next word.
    """
    bare: Any = getattr(connection, "_sock", connection)
    with suppress(OSError):  # it has gone already
        bare.shutdown(socket.SHUT_RDWR)
    response: Any = getattr(connection, "_response", connection)
    response.close()
