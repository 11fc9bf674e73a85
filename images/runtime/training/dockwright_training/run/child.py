"""A launch in; the script's process, its signals passed on, its last words kept, its end out."""

from __future__ import annotations

import os
import signal
import subprocess  # noqa: TID251 - the script is a process
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dockwright_training.errors import InputError
from dockwright_training.run import memory

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import FrameType

    from dockwright_training.launch.launch import Launch

STOPPING = (signal.SIGTERM, signal.SIGINT)
_KEPT_BYTES = 64 << 10
_POLL_S = 0.05
_DRAIN_S = 2.0
"""How long what the script left running may hold its standard error open after its end."""


@dataclass(frozen=True, kw_only=True, slots=True)
class End:
    """How a script ended."""

    exit_code: int
    """Its own, or 128 + signal."""
    last_words: str
    """The end of what it wrote to standard error."""
    was_stopped: bool
    """Whether this container was told to stop meanwhile."""
    memory_kills: int = 0
    """How many processes of this container the kernel killed meanwhile for want of memory."""


@dataclass(slots=True)
class Child:
    """The script's process: of its own process group, so that all of it can be ended."""

    process: subprocess.Popen[bytes]
    _launch: Launch
    _told: Callable[[], None]
    _tail: bytearray = field(default_factory=bytearray)
    _stopped: bool = False
    _reader: threading.Thread | None = None
    _kills_before: int = field(default_factory=memory.kills)

    @classmethod
    def start(
        cls, launch: Launch, environment: Mapping[str, str], told: Callable[[], None]
    ) -> Child:
        """Start the command; standard output is ours, standard error passes through us.

        `told` is called when this container is told to stop.

        Raises:
            InputError: the system can't start it.
        """
        assert launch.command is not None
        try:
            process = subprocess.Popen(  # noqa: S603 - an argument list, no shell
                launch.command,
                cwd=launch.folder,
                env={**os.environ, **environment, **launch.environment},
                stdin=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as e:
            msg = f"{launch.command[0]} can't be started: {e.strerror}"
            raise InputError(msg) from e
        child = cls(process, launch, told)
        child._reader = threading.Thread(target=child._pass_on, daemon=True)
        child._reader.start()
        for number in STOPPING:
            signal.signal(number, child._forward)
        return child

    def wait(self) -> End:
        """Wait for the script's end, then end what it left running."""
        code = self.process.wait()
        if self._stopped and self._launch.stops_group:
            self._wait_for_group()
        if self._reader is not None:
            self._reader.join(_DRAIN_S)
        self.kill()
        return End(
            exit_code=code if code >= 0 else 128 - code,
            last_words=self._tail.decode("utf-8", "replace"),
            was_stopped=self._stopped,
            memory_kills=memory.kills() - self._kills_before,
        )

    def kill(self) -> None:
        """End the whole process group at once."""
        self._signal_group(signal.SIGKILL)

    def stop(self, number: int = signal.SIGTERM) -> None:
        """Tell the script to stop, once: a second signal would disturb it while it saves."""
        if self._stopped or self.process.poll() is not None:
            return
        self._stopped = True
        if self._launch.stops_group:
            self._signal_group(number)
        else:
            self.process.send_signal(self._launch.stop_signal or number)

    def _forward(self, number: int, frame: FrameType | None) -> None:
        del frame
        self._told()
        self.stop(number)

    def _wait_for_group(self) -> None:
        """Let what a shell has started save: the shell itself is gone at once."""
        while self._is_group_there():
            time.sleep(_POLL_S)

    def _is_group_there(self) -> bool:
        try:
            os.killpg(self.process.pid, 0)
        except ProcessLookupError:
            return False
        return True

    def _signal_group(self, number: int) -> None:
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            return

    def _pass_on(self) -> None:
        assert self.process.stderr is not None
        source, target = self.process.stderr.fileno(), sys.stderr.fileno()
        while block := os.read(source, 1 << 16):
            self._tail += block
            del self._tail[:-_KEPT_BYTES]
            try:
                while block:
                    block = block[os.write(target, block) :]
            except OSError:
                continue  # nobody reads our log: the script must not block on that
