"""A script's process waits at its end for those threads of gloo's that still need Python."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from types import ModuleType

import pytest

from dockwright_training import end, startup

QUIET = {"7": ("S", "41"), "8": ("S", "3")}
RUNS = QUIET | {"7": ("R", "41")}
SLEPT_AGAIN = QUIET | {"7": ("S", "42")}


class Threads:
    """Gloo's threads: what is seen of them, look by look; the last look stays."""

    def __init__(self, *seen: dict[str, tuple[str, str]]) -> None:
        self.seen = list(seen)
        self.looks = self.pauses = 0

    def look(self) -> dict[str, tuple[str, str]]:
        self.looks += 1
        return self.seen.pop(0) if len(self.seen) > 1 else self.seen[0]

    def pause(self, seconds: float) -> None:
        assert seconds < 0.01
        self.pauses += 1


@pytest.mark.parametrize(
    ("seen", "pauses"),
    [
        ([{}], 0),
        ([QUIET, QUIET], 1),
        ([RUNS, RUNS, RUNS, QUIET], 4),
        ([QUIET, SLEPT_AGAIN], 2),
        ([QUIET, {}], 1),
    ],
    ids=["none", "asleep", "runs at first", "was woken by the pause", "has ended"],
)
def test_the_end_waits_until_gloo_sleeps(
    seen: list[dict[str, tuple[str, str]]], pauses: int
) -> None:
    threads = Threads(*seen)
    end.wait_for_gloo(threads.look, threads.pause)
    assert threads.pauses == pauses


def test_the_end_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(100))
    monkeypatch.setattr(time, "monotonic", lambda: float(next(clock)))
    threads = Threads(RUNS)
    end.wait_for_gloo(threads.look, threads.pause)
    assert threads.looks == 10


def test_only_gloo_s_threads_are_looked_at(tmp_path: Path) -> None:
    for number, name, state in ((1, "python3", "R (running)"), (7, "pt_gloo_runloop", "S (sleep)")):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "status").write_text(
            f"Name:\t{name}\nState:\t{state}\nvoluntary_ctxt_switches:\t41\n"
        )
    (tmp_path / "9").mkdir()  # It has ended.
    assert end.workers(tmp_path) == {"7": ("S", "41")}


def test_this_process_has_none() -> None:
    assert end.workers() == {}


@pytest.mark.parametrize(("used", "waits"), [("json", 0), ("torch.distributed", 1)])
def test_a_script_without_pytorch_does_not_wait(
    monkeypatch: pytest.MonkeyPatch, used: str, waits: int
) -> None:
    waited: list[None] = []
    monkeypatch.setattr(end, "wait_for_gloo", lambda: waited.append(None))
    monkeypatch.setitem(sys.modules, used, ModuleType(used))
    of_script = {"__name__": "sitecustomize"}
    registered: list[object] = []
    monkeypatch.setattr("atexit.register", registered.append)
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    exec(Path(startup.PATH, "sitecustomize.py").read_text(), of_script)  # noqa: S102
    (at_end,) = registered
    assert callable(at_end)
    at_end()
    assert len(waited) == waits
