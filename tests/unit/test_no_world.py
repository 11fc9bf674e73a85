"""Unit tests cannot reach beyond the process."""

from __future__ import annotations

import socket

import pytest

from dockwright import process


def test_a_unit_test_starts_no_program() -> None:
    with pytest.raises(AssertionError, match="must not start a program"):
        process.run(("true",), timeout_s=1)


def test_a_unit_test_opens_no_connection() -> None:
    with (
        socket.socket() as opened,
        pytest.raises(AssertionError, match="must not open a connection"),
    ):
        opened.connect(("127.0.0.1", 9))


def test_a_unit_test_looks_up_no_name() -> None:
    with pytest.raises(AssertionError, match="must not look up a name"):
        socket.getaddrinfo("localhost", 80)
