"""Hosts that meet over the loopback interface: keeping step, losing one, and strangers."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from typing import TYPE_CHECKING

import pytest

from dockwright_training.errors import HostsError, OtherHostError, ScriptError, TrainingError
from dockwright_training.hosts import link as links
from dockwright_training.hosts.board import Board
from dockwright_training.hosts.fleet import Together
from dockwright_training.hosts.link import MasterLink, OtherLink

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MASTER = "localhost"
HOSTS = (MASTER, "algo-2", "algo-3")
JOB = "a-job"


class Site:
    """A master's port, and the hosts that were made to meet there."""

    def __init__(self) -> None:
        self.link = MasterLink(Board(HOSTS), MASTER, JOB, port=0)
        self.master = Together(self.link, 30)
        self.made = [self.master]

    def host(self, name: str, job: str = JOB, timeout_s: float = 30) -> Together:
        """Return another host, on its way to the master."""
        link = OtherLink(Board(HOSTS), name, job, (MASTER, self.link.port))
        self.made.append(Together(link, timeout_s))
        return self.made[-1]

    def all(self) -> list[Together]:
        """Return the hosts of a complete fleet."""
        return [self.master, self.host("algo-2"), self.host("algo-3")]

    def stranger(self, sent: bytes) -> socket.socket:
        """Return a connection by which this was sent."""
        connection = socket.create_connection((MASTER, self.link.port))
        with contextlib.suppress(OSError):  # it may be turned away meanwhile
            connection.sendall(sent)
        connection.settimeout(10)
        return connection


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    yield made
    for fleet in made.made:
        fleet.leave(ScriptError("the test is over", 1))
        fleet.link.close(5)


def in_threads(*calls: Callable[[], object]) -> list[TrainingError | None]:
    """Make the calls at once; return what each raised."""
    raised: list[TrainingError | None] = [None] * len(calls)

    def one(number: int, call: Callable[[], object]) -> None:
        try:
            call()
        except TrainingError as e:
            raised[number] = e

    threads = [threading.Thread(target=one, args=pair) for pair in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()
    return raised


def met(fleets: list[Together], stage: str = "ready") -> list[TrainingError | None]:
    return in_threads(*(lambda fleet=fleet: fleet.meet(stage) for fleet in fleets))


def test_nobody_passes_a_stage_before_all_are_there(site: Site) -> None:
    master, second, third = site.all()
    passed: list[str] = []

    def pass_early(fleet: Together) -> None:
        fleet.meet("ready")
        passed.append("early")

    early = [threading.Thread(target=pass_early, args=(fleet,)) for fleet in (master, second)]
    for thread in early:
        thread.start()
    time.sleep(1)
    assert not passed
    third.meet("ready")
    for thread in early:
        thread.join(10)
    assert passed == ["early", "early"]


def test_what_one_host_posts_all_read_whenever_they_come(site: Site) -> None:
    site.master.post("key", "ssh-ed25519 AAAA")
    late = site.host("algo-2")
    assert late.posted("key") == "ssh-ed25519 AAAA"
    late.post("answer", "yes")
    assert site.host("algo-3").posted("answer") == "yes"


def test_a_failure_reaches_all_with_its_reason_and_exit_code(site: Site) -> None:
    fleets = site.all()
    assert met(fleets) == [None] * 3
    fleets[2].leave(ScriptError("train.py ended with exit code 42", 42))
    raised = in_threads(lambda: fleets[0].leave(None), lambda: fleets[1].leave(None))
    for error in raised:
        assert isinstance(error, OtherHostError)
        assert error.exit_code == 42
        assert str(error) == "algo-3 failed: train.py ended with exit code 42"


def test_a_failure_before_the_start_reaches_those_who_wait_for_it(site: Site) -> None:
    fleets = site.all()
    fleets[1].leave(ScriptError("no such requirement", 69))
    raised = met([fleets[0], fleets[2]])
    assert [str(error) for error in raised] == ["algo-2 failed: no such requirement"] * 2


def test_a_lost_host_is_named_to_all(site: Site) -> None:
    fleets = site.all()
    assert met(fleets) == [None] * 3
    fleets[2].link.close(5)  # its connection ends without a word
    for fleet in fleets[:2]:
        problem = fleet.problem(10)
        assert isinstance(problem, HostsError)
        assert "the host algo-3 is lost" in str(problem)


def test_a_host_that_is_silent_is_lost(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links, "SILENCE_S", 3.0)
    second = site.host("algo-2")
    with site.stranger(line("hello", "algo-3", JOB)) as third:
        assert json.loads(third.recv(1 << 16).split(b"\n")[0])["kind"] == "hello"
        third.sendall(line("reached", "algo-3", "ready"))
        assert met([site.master, second]) == [None] * 2
        assert "algo-3 is lost: nothing was heard" in str(second.problem(15))


def test_hosts_that_say_goodbye_are_not_lost(site: Site) -> None:
    fleets = site.all()
    raised = in_threads(*(lambda fleet=fleet: leave(fleet) for fleet in fleets))
    assert raised == [None] * 3
    assert [fleet.problem() for fleet in fleets] == [None] * 3


def leave(fleet: Together) -> None:
    fleet.leave(None)
    fleet.close()


def test_a_stop_is_no_failure_and_reaches_all(site: Site) -> None:
    fleets = site.all()
    assert met(fleets) == [None] * 3
    stopped = [threading.Event() for _ in fleets]
    failed = threading.Event()
    for fleet, event in zip(fleets, stopped, strict=True):
        fleet.watch(event.set, failed.set)
    fleets[1].stop()
    assert all(event.wait(10) for event in stopped)
    fleets[0].leave(ScriptError("train.py was ended by SIGTERM", 143))
    fleets[2].leave(None)
    assert not failed.is_set()
    assert fleets[2].problem() is None


def test_a_host_that_never_comes_is_named(site: Site) -> None:
    second = site.host("algo-2", timeout_s=1)
    with pytest.raises(HostsError, match=r"^algo-3 did not come within 1 s$"):
        second.meet("ready")


def test_a_master_that_cannot_be_reached_is_named_with_the_reason() -> None:
    with socket.create_server(("", 0)) as taken:
        port = taken.getsockname()[1]
    fleet = Together(OtherLink(Board(HOSTS), "algo-2", JOB, (MASTER, port)), 1)
    with pytest.raises(HostsError, match=r"^localhost did not come within 1 s: .*refused"):
        fleet.meet("ready")
    fleet.link.close(5)


def line(kind: str, host: str, text: str = "") -> bytes:
    fields = {"kind": kind, "host": host, "name": "", "text": text, "code": 0}
    return json.dumps(fields).encode() + b"\n"


STRANGERS = {
    "garbage": b"GET / HTTP/1.1\r\nHost: algo-1\r\n\r\n",
    "bytes": bytes(range(256)) + b"\n",
    "a huge line": b"x" * (1 << 20),
    "deep JSON": b"[" * 10_000 + b"\n",
    "no object": b"[1, 2]\n",
    "a strange kind": line("dance", "algo-3"),
    "a wrong type": b'{"kind": "hello", "host": 3, "text": "a-job"}\n',
    "another job": line("hello", "algo-3", "another-job"),
    "a host that is none": line("hello", "algo-9", JOB),
    "the master's name": line("hello", MASTER, JOB),
    "a failure without a greeting": line("failed", "algo-3", "hostile"),
    "silence": b"",
}


def test_strangers_do_no_harm(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links, "_STRANGER_S", 1.0)
    second = site.host("algo-2")
    with contextlib.ExitStack() as stack:
        connections = [stack.enter_context(site.stranger(sent)) for sent in STRANGERS.values()]
        for name, connection in zip(STRANGERS, connections, strict=True):
            with contextlib.suppress(ConnectionResetError):
                assert not connection.recv(1), name
        assert met([site.master, second, site.host("algo-3")]) == [None] * 3


def test_a_host_speaks_for_itself_alone(site: Site) -> None:
    second = site.host("algo-2")
    with site.stranger(line("hello", "algo-3", JOB)) as third:
        third.recv(1)
        third.sendall(line("failed", "algo-2", "a lie"))
        assert "the host algo-3 is lost" in str(second.problem(10))


def test_a_host_s_name_is_taken_once(site: Site) -> None:
    fleets = site.all()
    assert met(fleets) == [None] * 3
    with site.stranger(line("hello", "algo-3", JOB)) as second_one:
        assert not second_one.recv(1)
    assert met(fleets, "done") == [None] * 3


def test_a_host_of_another_job_is_never_let_in(site: Site) -> None:
    wrong = site.host("algo-2", job="another-job", timeout_s=1)
    with pytest.raises(HostsError, match="localhost did not come"):
        wrong.meet("ready")
