"""A server's argument list in; the server, alone in namespaces of its own as in a container, out.

What the server finds under /opt/ml, writes to /etc or leaves behind stays in its room: the host's
files are seen through overlays whose upper halves lie in memory. All processes of the room are
known by their PID namespace, orphans included, and end with its first one.
"""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dockwright import process

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

HOME = "/home/model-server"
"""Where servers of SageMaker's hosting contract work; also their TMPDIR."""
MIB = 1024 * 1024
HURRY = """\
renice -n -10 $$ >/dev/null
[ ! -w /proc/self/autogroup ] || echo -10 >/proc/self/autogroup
"""
"""What else the machine does is to disturb little: for the process and for its session."""
FURNISH = f"""\
{HURRY}
room=$1 model=$2 etc=$3
shift 3
mount -t tmpfs tmpfs "$room"
for folder in etc home opt; do
  mkdir "$room/$folder" "$room/$folder.work"
  mount -t overlay overlay "/$folder" \
    -o "lowerdir=/$folder,upperdir=$room/$folder,workdir=$room/$folder.work"
done
[ -z "$etc" ] || cp -a "$etc/." /etc/
mkdir -p /opt/ml/model {HOME}
mount --bind -o ro "$model" /opt/ml/model
cd {HOME}
exec env -i "$@"
"""
UNSHARE = ("unshare", "--mount", "--propagation=private", "--pid", "--kill-child", "--mount-proc")


@dataclass(frozen=True, kw_only=True, slots=True)
class Usage:
    """What all processes of a room have used of the machine."""

    processes: int
    cpu_s: float
    rss_mib: float
    pss_mib: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Room:
    """A running room, known by the process that unshared it."""

    pid: int

    def is_running(self) -> bool:
        return (Path("/proc") / str(self.pid) / "ns" / "pid_for_children").exists()

    def pids(self) -> tuple[int, ...]:
        """Return the processes inside, by the host's numbers."""
        own = _namespace(self.pid, "pid_for_children")
        entries = (int(e.name) for e in Path("/proc").iterdir() if e.name.isdigit())
        return tuple(pid for pid in entries if own and _namespace(pid, "pid") == own)

    def first_pid(self) -> int | None:
        """Return the process that is number 1 inside, once it is there."""
        children = (pid for pid in self.pids() if _stat(pid)[1:2] == [str(self.pid)])
        return next(children, None)

    def usage(self, *, memory: bool = False) -> Usage:
        """Return the sums over all processes; memory is asked for apart, for it takes a while."""
        pids = self.pids()
        sizes = [_memory_kib(pid) if memory else {} for pid in pids]
        return Usage(
            processes=len(pids),
            cpu_s=sum(_cpu_s(pid) for pid in pids),
            rss_mib=sum(size.get("Rss", 0) for size in sizes) / 1024,
            pss_mib=sum(size.get("Pss", 0) for size in sizes) / 1024,
        )


@contextmanager
def room(
    argv: Sequence[str | Path],
    *,
    env: Mapping[str, str],
    model_path: Path,
    room_path: Path,
    log_path: Path,
    etc_path: Path | None = None,
) -> Iterator[Room]:
    """Run a server for the length of a block, with no more environment than `env`.

    `etc_path` holds files that are to be in /etc as the server sees it.
    """
    room_path.mkdir(parents=True, exist_ok=True)
    variables = {"HOME": HOME, "LANG": "C.UTF-8", "TMPDIR": HOME, **env}
    where = (str(room_path), str(model_path), str(etc_path or ""))
    words = [f"{name}={value}" for name, value in variables.items()]
    pid = process.spawn_daemon(
        (*UNSHARE, "sh", "-ec", FURNISH, "room", *where, *words, *argv), log_path=log_path
    )
    try:
        yield Room(pid=pid)
    finally:
        # With the room's first process the kernel ends all others before anyone is told.
        os.kill(Room(pid=pid).first_pid() or pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def busy_s() -> float:
    """Return the time that all processors of the machine have worked, for anyone."""
    words = Path("/proc/stat").read_text(encoding="utf-8").split(maxsplit=11)
    user, nice, system, _idle, _wait, interrupts, soft, _stolen = map(int, words[1:9])
    return (user + nice + system + interrupts + soft) / os.sysconf("SC_CLK_TCK")


def _namespace(pid: int, kind: str) -> str | None:
    try:
        return os.readlink(f"/proc/{pid}/ns/{kind}")  # noqa: PTH115 - no path but `pid:[1234]`
    except OSError:  # gone meanwhile
        return None


def _stat(pid: int) -> list[str]:
    """Return a process's figures as /proc has them, from its state on; none if it is gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    # The name in parentheses may itself hold blanks and parentheses.
    return stat.rpartition(")")[2].split()


def _cpu_s(pid: int) -> float:
    """Return the processor's time of a process and of its children that ended."""
    return sum(int(ticks) for ticks in _stat(pid)[11:15]) / os.sysconf("SC_CLK_TCK")


def _memory_kib(pid: int) -> dict[str, int]:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8")
    except OSError:
        return {}
    return parse_rollup(text)


def parse_rollup(text: str) -> dict[str, int]:
    """Return the sizes of an smaps_rollup in KiB.

    >>> parse_rollup("55-7f ---p 00000000 00:00 0  [rollup]\\nRss:  884 kB\\nPss:  385 kB\\n")
    {'Rss': 884, 'Pss': 385}
    """
    lines = (line.split() for line in text.splitlines())
    return {words[0][:-1]: int(words[1]) for words in lines if words[-1] == "kB"}
