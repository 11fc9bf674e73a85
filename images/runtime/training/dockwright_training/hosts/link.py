"""A board in; the same board on every host out, kept so over TCP by a thread.

The others connect to the master, which passes on what each of them says. A host whose connection
breaks, or which is silent for too long, is lost.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import selectors
import socket
import threading
import time
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from dockwright_training.hosts.board import GONE
from dockwright_training.hosts.messages import Kind, Message
from dockwright_training.hosts.peer import Peer

if TYPE_CHECKING:
    from _typeshed import FileDescriptorLike

    from dockwright_training.hosts.board import Board

log = logging.getLogger(__name__)
PORT = 7776
BEAT_S = 2.0
SILENCE_S = 20.0
_STRANGER_S = 10.0
"""How long a connection may take to say who it is."""
_STRANGERS = 64
_LOOK_S = 0.5
"""How often to look at the clock; also, how soon to try again to connect."""
_CONNECT_S = 5.0


class Link(ABC):
    """What master and others have in common: one thread that reads, writes and looks at the clock."""

    def __init__(self, board: Board, host: str, job: str) -> None:
        self.board = board
        self.host = host
        self.hello = Message(kind=Kind.HELLO, host=host, text=job)
        self._told: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._wakes, self._woken = socket.socketpair()
        self._selector = selectors.DefaultSelector()
        self._peers: set[Peer] = set()
        self._is_closing = False
        self._looked = self._beaten = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="hosts", daemon=True)

    def start(self) -> None:
        """Begin to look for the others; returns at once."""
        self._woken.setblocking(False)
        self._selector.register(self._woken, selectors.EVENT_READ)
        self._thread.start()

    def tell(self, message: Message) -> None:
        """Tell all hosts, this one too; safe in threads and signal handlers."""
        self.board.apply(message)
        self._told.put(message)
        self._wake()

    def close(self, timeout_s: float) -> None:
        """Send what still waits, then end."""
        self._is_closing = True
        self._wake()
        self._thread.join(timeout_s)
        self._wakes.close()

    def _wake(self) -> None:
        with contextlib.suppress(OSError):  # once it is closed, there is nobody to wake
            self._wakes.send(b".")

    @abstractmethod
    def _is_heard(self) -> bool:
        """Tell whether what is sent now reaches those it should."""

    @abstractmethod
    def _look(self) -> None:
        """Do what is to be done every now and then."""

    @abstractmethod
    def _accept(self) -> None:
        """Take what waits at the listening socket."""

    @abstractmethod
    def _heard(self, peer: Peer, message: Message) -> None:
        """Handle what a peer says; ValueError drops it."""

    def _run(self) -> None:
        try:
            self._loop()
        except Exception as e:
            log.exception("the link to the other hosts has failed")
            self.board.apply(Message(kind=Kind.LOST, host="link", text=f"{type(e).__name__}: {e}"))
        finally:
            for key in tuple(self._selector.get_map().values()):
                self._close(key.fileobj)
            self._selector.close()

    def _loop(self) -> None:
        while not (self._is_closing and not self._unsent()):
            self._look()
            self._pass_on()
            for key, events in self._selector.select(_LOOK_S):
                if key.data is not None:
                    self._serve(key.data, events)
                elif key.fileobj is self._woken:
                    self._woken.recv(1 << 12)
                else:
                    self._accept()
            self._drop_silent()

    def _unsent(self) -> bool:
        return (self._is_heard() and not self._told.empty()) or any(p.waiting for p in self._peers)

    def _pass_on(self) -> None:
        """Send what this host tells, and now and then a sign of life."""
        if not self._is_heard():
            return
        told = []
        with contextlib.suppress(queue.Empty):
            while True:
                told.append(self._told.get_nowait())
        if time.monotonic() - self._beaten > BEAT_S:
            self._beaten = time.monotonic()
            told.append(Message(kind=Kind.BEAT, host=self.host))
        for message in told:
            self._send_all(message)

    def _send_all(self, message: Message, but: Peer | None = None) -> None:
        for peer in tuple(self._peers):
            if peer.host is not None and peer is not but:
                peer.send(message)
                self._watch(peer)

    def _serve(self, peer: Peer, events: int) -> None:
        try:
            if events & selectors.EVENT_WRITE:
                peer.flush()
                self._watch(peer)
            if events & selectors.EVENT_READ:
                for message in peer.receive():
                    self._heard(peer, message)
        except BlockingIOError:
            return
        except (OSError, EOFError, ValueError, RecursionError) as e:
            self._drop(peer, str(e))

    def _drop_silent(self) -> None:
        slept_s, self._looked = time.monotonic() - self._looked, time.monotonic()
        for peer in self._peers if slept_s > SILENCE_S / 2 else ():
            peer.heard = self._looked  # it was this host that was away
        for peer in tuple(self._peers):
            if peer.silent_s() > (_STRANGER_S if peer.host is None else SILENCE_S):
                self._drop(peer, f"nothing was heard of it for {SILENCE_S:.0f} s")

    def _drop(self, peer: Peer, why: str) -> None:
        self._peers.discard(peer)
        self._close(peer.connection)
        if peer.host is None:
            log.debug("a stranger was turned away: %s", why)
        elif peer.host in self.board.behind(GONE):
            lost = Message(kind=Kind.LOST, host=peer.host, text=why)
            self.board.apply(lost)
            self._send_all(lost)

    def _add(self, connection: socket.socket) -> Peer:
        peer = Peer(connection)
        self._peers.add(peer)
        self._selector.register(connection, selectors.EVENT_READ, peer)
        return peer

    def _watch(self, peer: Peer) -> None:
        more = selectors.EVENT_WRITE if peer.waiting else 0
        self._selector.modify(peer.connection, selectors.EVENT_READ | more, peer)

    def _close(self, connection: FileDescriptorLike) -> None:
        self._selector.unregister(connection)
        assert isinstance(connection, socket.socket)
        connection.close()


class MasterLink(Link):
    """The host that the others connect to."""

    def __init__(self, board: Board, host: str, job: str, port: int = PORT) -> None:
        super().__init__(board, host, job)
        self._listening = socket.create_server(("", port), backlog=128)
        self._listening.setblocking(False)
        self._selector.register(self._listening, selectors.EVENT_READ)
        self.port: int = self._listening.getsockname()[1]
        board.apply(self.hello)

    def _is_heard(self) -> bool:
        return True

    def _look(self) -> None:
        return

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            connection, _ = self._listening.accept()
            if sum(peer.host is None for peer in self._peers) < _STRANGERS:
                self._add(connection)
            else:
                connection.close()

    def _heard(self, peer: Peer, message: Message) -> None:
        if peer.host is None:
            self._greet(peer, message)
        elif message.host != peer.host:
            msg = f"{peer.host} speaks for {message.host}"
            raise ValueError(msg)
        elif message.kind is not Kind.BEAT:
            self.board.apply(message)
            self._send_all(message, but=peer)

    def _greet(self, peer: Peer, message: Message) -> None:
        """Take a host in, tell it all that was told so far, and tell the others of it."""
        is_ours = message.kind is Kind.HELLO and message.text == self.hello.text
        if not is_ours or message.host not in self.board.missing():
            msg = f"it is no missing host of this job: {message}"
            raise ValueError(msg)
        for past in tuple(self.board.history):
            peer.send(past)
        peer.host = message.host
        self.board.apply(message)
        self._send_all(message)


class OtherLink(Link):
    """A host that connects to the master, and tries until it is there."""

    def __init__(self, board: Board, host: str, job: str, address: tuple[str, int]) -> None:
        super().__init__(board, host, job)
        self.master, _ = self._address = address
        self._again = 0.0
        self.refusal = ""
        """Why the last attempt to connect failed."""

    def _is_heard(self) -> bool:
        return any(peer.host is not None for peer in self._peers)

    def _look(self) -> None:
        if self._peers or self.master not in self.board.missing() or self._is_closing:
            return
        if time.monotonic() < self._again:
            return
        self._again = time.monotonic() + _LOOK_S
        try:
            connection = socket.create_connection(self._address, timeout=_CONNECT_S)
        except OSError as e:
            self.refusal = str(e)
            return
        peer = self._add(connection)
        peer.send(self.hello)

    def _accept(self) -> None:
        raise NotImplementedError

    def _heard(self, peer: Peer, message: Message) -> None:
        if peer.host is None:
            is_ours = message.kind is Kind.HELLO and message.text == self.hello.text
            if not is_ours or message.host != self.master:
                msg = f"it is not the master of this job: {message}"
                raise ValueError(msg)
            peer.host = message.host
        if message.kind is not Kind.BEAT:
            self.board.apply(message)
