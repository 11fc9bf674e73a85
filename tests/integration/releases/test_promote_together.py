"""Two managers, two processes, one registry, at the same moment: one is told, and nothing is mixed."""

from __future__ import annotations

import os
import subprocess  # noqa: TID251 - two programs that meet
import sys
from typing import TYPE_CHECKING

import pytest

import release_desk
import sample
from dockwright.clients import promotion_journal, registry_server
from dockwright.clients.registry import Repository, session
from dockwright.errors import BusyError, HashMismatchError
from dockwright.spec import journal
from dockwright.spec.journal import State
from publishing import RELEASE, Publisher

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dockwright.clients.registry_session import Session
    from dockwright.workspace import Workspace

# Dockwright, which writes to the journal for the first time when the other one is about to, too.
DRIVER = """\
import sys, time
from pathlib import Path
from dockwright import __main__
from dockwright.clients import promotion_journal
meeting, name, *argv = sys.argv[1:]
write = promotion_journal.write
def together(*args):
    promotion_journal.write = write
    Path(meeting, name).touch()
    deadline = time.monotonic() + 60
    while len(list(Path(meeting).iterdir())) < 2 and time.monotonic() < deadline:
        time.sleep(0.001)
    return write(*args)
promotion_journal.write = together
sys.argv = ["dockwright", *argv]
__main__.main()
"""
ALONE = "from dockwright import __main__; __main__.main()"
MANAGERS = ("older", "newer")


class Site:
    """A registry with a release of two ages in staging."""

    def __init__(self, publisher: Publisher, its: Session) -> None:
        self.publisher, self.its = publisher, its
        self.staged: dict[str, dict[str, str]] = {}

    def start(self, code: str, which: str, place: str, *before: str) -> subprocess.Popen[bytes]:
        promote = ("promote", f"{RELEASE}-*", "--from", f"{self.its.host}/{which}")
        env = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
        return subprocess.Popen(  # noqa: S603
            (sys.executable, "-c", code, *before, *promote, "--to", f"{self.its.host}/{place}"),
            cwd=self.publisher.sample.ws.root,
            env=env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )

    def together(self, place: str, meeting: Path) -> dict[str, int]:
        """Let both promote; return how each ended."""
        meeting.mkdir()
        running = {name: self.start(DRIVER, name, place, str(meeting), name) for name in MANAGERS}
        said = {name: p.communicate(timeout=120)[1].decode() for name, p in running.items()}
        busy = [name for name, p in running.items() if p.returncode == BusyError.exit_code]
        assert len(busy) == 1, said
        assert "another manager is at it" in said[busy[0]]
        return {name: p.returncode for name, p in running.items()}

    def alone(self, which: str, place: str) -> None:
        ended = self.start(ALONE, which, place)
        said = ended.communicate(timeout=120)[1].decode()
        assert ended.returncode == 0, said

    def names(self, place: str) -> dict[str, str]:
        found = self.publisher.tags(self.its, place)
        return {tag: digest for tag, digest in found.items() if "-v1.0-" not in tag}


@pytest.fixture(scope="module")
def site(checkout: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("together")
    place = registry_server.site(checkout, folder / "registry")
    two = sample.copy(folder)
    release_desk.leave_two(two)
    publisher = Publisher(sample=two, folder=folder / "layouts")
    with registry_server.temporary(place) as address, session(address) as its:
        made = Site(publisher, its)
        for seed, which in enumerate(MANAGERS):
            publisher.build(seed)
            publisher.push(its, which)
            made.staged[which] = made.names(which)
        yield made


# On a busy machine this registry now and then refuses a document of which another client is just
# writing the blob; that is an error for one of them, and no one is told of the other.
@pytest.mark.full
@pytest.mark.parametrize("number", range(20))
def test_of_two_at_the_same_moment_one_is_told_and_the_other_ends_it(
    site: Site, tmp_path: Path, number: int
) -> None:
    place = f"round-{number}"
    ended = site.together(place, tmp_path / "meeting")
    (told,) = (name for name, code in ended.items() if code == BusyError.exit_code)
    (other,) = ended.keys() - {told}
    if ended[other] != 0:  # the last tag that the one was writing came after the other's own
        assert ended[other] == HashMismatchError.exit_code
        site.alone(other, place)
    assert site.names(place) == site.staged[other]
    site.alone(told, place)
    assert site.names(place) == site.staged["newer"], "tags move forward only"
    book = Repository(session=site.its, name=f"{place}/{journal.REPOSITORY}")
    assert promotion_journal.read(book, RELEASE).newest(State.BEGUN) is None
