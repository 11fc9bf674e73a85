"""What unit tests share: a world they cannot touch, a copy of the sample workspace, the program."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NoReturn

import pytest
from hypothesis import settings

import sample
from dockwright.__main__ import main

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[[str], tuple[int, str, str]]

settings.register_profile("quick", max_examples=30, deadline=None)
settings.register_profile("thorough", max_examples=1000, deadline=None)
settings.load_profile("quick")  # --hypothesis-profile=thorough takes minutes


@pytest.fixture(autouse=True)
def no_world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Fail a test that starts a program or opens a connection; its home is a folder of its own."""

    def refuse(what: str) -> object:
        def refused(*args: object, **_: object) -> NoReturn:
            msg = f"a unit test must not {what} ({args[1:]}); it belongs to tests/integration"
            raise AssertionError(msg)

        return refused

    monkeypatch.setattr("subprocess.Popen.__init__", refuse("start a program"))
    monkeypatch.setattr("socket.socket.connect", refuse("open a connection"))
    monkeypatch.setattr("socket.socket.connect_ex", refuse("open a connection"))
    monkeypatch.setattr("socket.getaddrinfo", refuse("look up a name"))
    monkeypatch.setattr("os.system", refuse("start a program"))
    monkeypatch.setattr("os.posix_spawn", refuse("start a program"))
    monkeypatch.setenv("DOCKWRIGHT_HOME", str(tmp_path / "home"))


@pytest.fixture
def good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> sample.Sample:
    """A copy of the sample workspace, as the current folder."""
    copied = sample.copy(tmp_path)
    monkeypatch.chdir(copied.ws.root)
    return copied


@pytest.fixture
def team(good: sample.Sample) -> sample.Sample:
    """The copy with a team's overlay on it."""
    return sample.overlaid(good)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the program as the installed script does; return exit code, output and talk."""

    def run_it(command: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["dockwright", *command.split()])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, captured.out, captured.err

    return run_it


@pytest.fixture
def typed(team: sample.Sample, run: Run) -> Run:
    """Run the program with the team's overlay."""
    return lambda command: run(f"--spec {team.ws.overlay} {command}")
