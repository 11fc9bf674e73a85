"""One process's life: orders from the front in, answers out.

The same process is by turns what imports the framework, what loads a model and what answers:
`fork` makes a child that is as far as its parent. So the model's memory is shared between the
workers of a machine without GPU, and a worker that dies is replaced without loading anything.
"""

from __future__ import annotations

import importlib
import logging
import os
import select
import signal
import socket
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from dockwright_serving import wire
from dockwright_serving.errors import ModelError, ServingError
from dockwright_serving.threads import Threads
from dockwright_serving.worker import loading, system

if TYPE_CHECKING:
    from dockwright_serving.settings import Settings
    from dockwright_serving.worker.loading import Model

log = logging.getLogger(__name__)
_IDLE_MS = 100
"""After so long without a message, memory that large batches have used is given back."""


class Process:
    """Takes messages one after the other until the front is gone."""

    def __init__(self, address: str, name: str, settings: Settings) -> None:
        """Connect to the front's socket, an address in the abstract namespace."""
        self._address = address
        self._settings = settings
        self._model: Model | None = None
        self._threads = Threads()
        self._has_worked = False
        self._send_lock = threading.Lock()
        self._connect(name)

    def serve(self) -> None:
        """Do what the front says; return when it hangs up."""
        while (message := self._next()) is not None:
            match message["op"]:
                case "run":
                    self._run(message)
                case "cancel":
                    self._cancel(message)
                case "fork":
                    self._fork(message["name"])
                case "load":
                    self._load(message)
                case _:
                    self._preload(message["modules"])
        if self._model is not None:
            self._model.stop()

    def _connect(self, name: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.connect("\0" + self._address)
        self._wakeup = system.die_with_parent_and_watch_children()
        self._send({"op": "hello", "name": name, "pid": os.getpid()})

    def _next(self) -> wire.Message | None:
        """Return the front's next message, telling it meanwhile of children that died."""
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        poll.register(self._wakeup, select.POLLIN)
        while True:
            ready = {descriptor for descriptor, _ in poll.poll(_IDLE_MS)}
            if not ready and self._has_worked:
                system.trim_heap()
                self._has_worked = False
            if self._wakeup.fileno() in ready:
                self._wakeup.recv(4096)
                for pid, end in system.ended_children():
                    self._send({"op": "exited", "pid": pid, "end": end})
            if self._socket.fileno() in ready:
                return wire.receive(self._socket)

    def _send(self, message: wire.Message) -> None:
        self._write(wire.pack(message))

    def _write(self, frame: bytes) -> None:
        with self._send_lock:  # streams are written by a thread of their own
            self._socket.sendall(frame)

    def _preload(self, modules: list[str]) -> None:
        started = time.monotonic()
        for module in modules:
            importlib.import_module(module)
        log.info("framework imported", extra={"seconds": round(time.monotonic() - started, 2)})

    def _load(self, message: wire.Message) -> None:
        """Load a model and say what it is, or why it can't be loaded."""
        started = time.monotonic()
        system.without_progress_bars()
        try:
            self._model = loading.load(Path(message["path"]), self._settings, message["device"])
        except MemoryError:
            self._send(_failed(507, "the memory does not suffice for the model"))
        except ServingError as error:
            log.exception("the model can't be loaded")
            self._send(_failed(error.status, str(error)))
        except BaseException as error:
            log.critical("the model can't be loaded", exc_info=True)
            reason = f"loading the model raised {type(error).__name__}; the log has the traceback"
            self._send(_failed(ModelError.status, reason))
        else:
            seconds = round(time.monotonic() - started, 3)
            self._send({"op": "loaded", "seconds": seconds, **self._model.facts()})

    def _fork(self, name: str) -> None:
        """Make a child that has loaded what this process has, and tell the front of it."""
        system.return_free_memory()
        pid = os.fork()
        if pid:
            self._send({"op": "forked", "name": name, "pid": pid})
            return
        signal.set_wakeup_fd(-1)
        self._socket.close()
        self._connect(name)

    def _run(self, message: wire.Message) -> None:
        assert self._model is not None, "the front sends requests after `loaded` only"
        self._has_worked = True
        requests = wire.unpack_requests(message)
        threads = self._threads.choose(message["threads"])
        system.use_threads(threads)
        started = time.perf_counter()
        self._model.answer(requests, self._write)
        if len(requests) == 1:
            self._threads.learn(threads, time.perf_counter() - started)

    def _cancel(self, message: wire.Message) -> None:
        if self._model is not None:
            self._model.cancel(message["id"])


def _failed(status: int, reason: str) -> wire.Message:
    return {"op": "failed", "status": status, "reason": reason}
