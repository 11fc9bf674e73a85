"""A launch in; what its processes need on this host, and mpirun to reach the others, out.

The other hosts run an ssh server that lets the master, by a key made for this job, start mpirun's
daemon and nothing else. The private key stays on the master; what the others need of it, and when
their servers listen, goes over the link between the hosts.
"""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import shlex
import shutil
import socket
import subprocess  # noqa: TID251 - the ssh server is a process
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from dockwright_training.errors import HostsError
from dockwright_training.launch import rank

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dockwright_training.hosts.fleet import Fleet
    from dockwright_training.launch.launch import Launch

PORT = 7778
_SESSION = "session.json"
_KEY = "mpi-key"
_OPEN = "ssh"
_MEMORY = Path("/dev/shm")  # noqa: S108 - so that no key touches a disk
_OPEN_S = 20.0
_RUN_SSHD = Path("/run/sshd")


@dataclass(frozen=True, slots=True)
class Place:
    """What mpirun's ranks need on this host."""

    folder: Path

    def completed(self, launch: Launch) -> Launch:
        """Return the launch with what its processes need of this place."""
        environment = {**launch.environment, rank.ENDS: str(self.folder)}
        if launch.over_ssh and launch.command is not None:
            environment["OMPI_MCA_plm_rsh_agent"] = shlex.join(_ssh(self.folder))
        return replace(launch, environment=environment)

    def exit_code(self, launch: Launch) -> int | None:
        """Return how this host's processes ended that were told to stop; None if one did not."""
        ends = [int(path.read_text()) for path in self.folder.glob("[0-9]*")]
        return max(ends) if len(ends) == launch.processes else None


@contextlib.contextmanager
def opened(launch: Launch, environment: Mapping[str, str], others: Fleet) -> Iterator[Place]:
    """Prepare this host, and wait until the others are ready too.

    Raises:
        TrainingError: ssh can't be set up, here or on another host.
    """
    with tempfile.TemporaryDirectory(prefix="ranks-", dir=_MEMORY) as name:
        place = Place(Path(name))
        if not launch.over_ssh:
            yield place
        elif launch.command is not None:
            _make_key(place.folder / "key")
            others.post(_KEY, (place.folder / "key.pub").read_text())
            others.meet(_OPEN)
            yield place
        else:
            given = place.completed(launch).environment
            _write_session(place.folder, {**os.environ, **environment, **given})
            with _server(place.folder, others.posted(_KEY)):
                others.meet(_OPEN)
                yield place


def _ssh(folder: Path) -> tuple[str, ...]:
    settings = {
        "BatchMode": "yes",
        # The hosts' keys are as young as the job, and its network is its own.
        "StrictHostKeyChecking": "no",
        "UserKnownHostsFile": "/dev/null",
        "LogLevel": "ERROR",
        "ServerAliveInterval": "5",
    }
    options = [part for name, value in settings.items() for part in ("-o", f"{name}={value}")]
    return ("ssh", "-F", "none", "-p", str(PORT), "-i", str(folder / "key"), *options)


def _make_key(path: Path) -> None:
    command = ("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "mpi", "-f", str(path))
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)  # noqa: S603
    if done.returncode:
        msg = f"no key for ssh can be made: {(done.stderr or done.stdout).strip()}"
        raise HostsError(msg)


def _write_session(folder: Path, environment: Mapping[str, str]) -> None:
    path = folder / _SESSION
    path.touch(mode=0o600)
    path.write_text(json.dumps(dict(environment)))


@contextlib.contextmanager
def _server(folder: Path, key: str) -> Iterator[None]:
    """Run the ssh server; it is there when this yields."""
    _make_key(folder / "host_key")
    session = shlex.join(
        (sys.executable, "-I", "-m", "dockwright_training.launch.session", str(folder))
    )
    (folder / "authorized_keys").write_text(f'restrict,command="{session}" {key}')
    process = subprocess.Popen(  # noqa: S603
        _sshd(folder), stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    try:
        _await(process)
        yield
    finally:
        process.kill()
        process.wait()


def _sshd(folder: Path) -> tuple[str, ...]:
    with contextlib.suppress(OSError):  # only the superuser's server wants it
        _RUN_SSHD.mkdir(mode=0o755, exist_ok=True)
    settings = {
        "Port": str(PORT),
        "HostKey": str(folder / "host_key"),
        "AuthorizedKeysFile": str(folder / "authorized_keys"),
        "AllowUsers": getpass.getuser(),
        "AuthenticationMethods": "publickey",
        "PermitRootLogin": "forced-commands-only",
        "PidFile": "none",
        "StrictModes": "no",
        "UsePAM": "no",
        "LogLevel": "ERROR",
    }
    options = [part for name, value in settings.items() for part in ("-o", f"{name}={value}")]
    program = shutil.which("sshd") or "/usr/sbin/sshd"
    return (program, "-D", "-e", "-f", "/dev/null", *options)


def _await(process: subprocess.Popen[str]) -> None:
    until = time.monotonic() + _OPEN_S
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", PORT), 1):
            return
        time.sleep(0.05)
    process.kill()
    said = process.stderr.read().strip() if process.stderr else ""
    msg = f"the ssh server for mpirun does not start: {said or 'it says nothing'}"
    raise HostsError(msg)
