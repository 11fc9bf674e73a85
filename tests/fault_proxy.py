"""A registry's address in; the same registry out, behind a proxy that fails where a test says so."""

from __future__ import annotations

import http.client
import re
import secrets
import socket
import struct
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    Act = Callable[["Exchange"], None]

HANG_S = 20.0
"""Longer than any client waits here."""
HOP = frozenset({"connection", "transfer-encoding", "content-length"})


@dataclass
class Fault:
    """What happens instead of an answer, to requests whose `METHOD path` matches."""

    pattern: str
    act: Act
    times: int = 1
    hit: int = 0

    def is_due(self, line: str) -> bool:
        if self.hit >= self.times or not re.search(self.pattern, line):
            return False
        self.hit += 1
        return True


@dataclass
class Proxy:
    """The registry as clients see it, and what is wrong with it."""

    upstream: str
    server: ThreadingHTTPServer
    faults: list[Fault] = field(default_factory=list)
    wants_tokens: bool = False
    tokens: set[str] = field(default_factory=set)
    """Those that it has given, as long as they are good."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server.server_address[1]}"

    def fail(self, pattern: str, act: Act, *, times: int = 1) -> Fault:
        """Let the next such requests fail."""
        fault = Fault(pattern, act, times)
        self.faults = [fault]
        return fault

    def mend(self) -> None:
        """Let nothing fail any more."""
        self.faults, self.wants_tokens = [], False

    def is_open_to(self, authorization: str) -> bool:
        """Tell whether a request may pass."""
        return not self.wants_tokens or authorization.removeprefix("Bearer ") in self.tokens


class Server(ThreadingHTTPServer):
    """A server whose clients may go when they want."""

    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        pass


class Exchange(BaseHTTPRequestHandler):
    """One request, passed on or spoilt."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    proxy: Proxy

    def log_message(self, format: str, *args: object) -> None:
        pass

    def handle_one(self) -> None:
        with self.proxy.lock:
            fault = next((f for f in self.proxy.faults if f.is_due(self.line)), None)
        if self.path.startswith("/token"):
            self.give_token()
        elif not self.proxy.is_open_to(self.headers["Authorization"] or ""):
            self.refuse()
        elif fault is not None:
            fault.act(self)
        else:
            self.pass_on()

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = handle_one  # noqa: N815

    @property
    def line(self) -> str:
        return f"{self.command} {self.path}"

    def body(self, share: float = 1.0) -> bytes:
        """Read the request's body, or a share of it."""
        return self.rfile.read(int(int(self.headers["Content-Length"] or 0) * share))

    def refuse(self) -> None:
        self.body()
        realm = f'Bearer realm="http://{self.proxy.host}/token",service="test"'
        self.answer(401, {"WWW-Authenticate": realm})

    def give_token(self) -> None:
        token = secrets.token_hex(8)
        self.proxy.tokens.add(token)
        self.answer(200, {"Content-Type": "application/json"}, f'{{"token": "{token}"}}'.encode())

    def ask(self, body: bytes) -> tuple[http.client.HTTPResponse, bytes]:
        """Return the registry's own answer."""
        connection = http.client.HTTPConnection(self.proxy.upstream, timeout=30)
        headers = {k: v for k, v in self.headers.items() if k.lower() != "authorization"}
        connection.request(self.command, self.path, body=body, headers=headers)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer, content

    def pass_on(self) -> None:
        answer, content = self.ask(self.body())
        self.answer(answer.status, dict(answer.getheaders()), content)

    def answer(self, status: int, headers: Mapping[str, str], content: bytes = b"") -> None:
        self.start(status, headers, len(content))
        if self.command != "HEAD":
            self.wfile.write(content)

    def start(self, status: int, headers: Mapping[str, str], length: int) -> None:
        self.send_response(status)
        for name, value in headers.items():
            if name.lower() not in HOP:
                self.send_header(name, value)
        told = headers.get("Content-Length", str(length)) if self.command == "HEAD" else str(length)
        self.send_header("Content-Length", told)
        self.end_headers()

    def halfway(self) -> None:
        """Take half of what is sent, or give half of what is asked for."""
        if self.command in {"GET", "HEAD"}:
            answer, content = self.ask(b"")
            self.start(answer.status, dict(answer.getheaders()), len(content))
            self.wfile.write(content[: len(content) // 2])
            self.wfile.flush()
        else:
            self.body(0.5)

    def reset(self) -> None:
        """End the connection as a crashed machine does."""
        now = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, now)
        self.close_connection = True
        self.connection.close()


def status(code: int, **headers: str) -> Act:
    """Answer with a status; the registry never hears of it."""

    def act(its: Exchange) -> None:
        its.body()
        its.answer(code, {name.replace("_", "-"): value for name, value in headers.items()})

    return act


def expired(its: Exchange) -> None:
    """Take no token any more that was given until now."""
    its.proxy.tokens.clear()
    its.refuse()


def cut_halfway(its: Exchange) -> None:
    """Reset the connection in the middle of a body."""
    its.halfway()
    its.reset()


def cut_after(its: Exchange) -> None:
    """Reset the connection when the registry has done what it was asked for."""
    its.ask(its.body())
    its.reset()


def hang(its: Exchange) -> None:
    """Say nothing more in the middle of a body, until the client goes."""
    its.halfway()
    its.connection.settimeout(HANG_S)
    while its.connection.recv(1 << 16):
        pass
    its.close_connection = True


@contextmanager
def before(upstream: str) -> Iterator[Proxy]:
    """Run a proxy before a registry for the length of a block."""
    handler = type("Handler", (Exchange,), {})
    server = Server(("127.0.0.1", 0), handler)
    proxy = Proxy(upstream=upstream, server=server)
    handler.proxy = proxy  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
