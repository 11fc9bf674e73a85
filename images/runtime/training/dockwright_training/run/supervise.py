"""A launch and the other hosts in; the end of the script on this host out."""

from __future__ import annotations

import logging
import re
import signal
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

from dockwright_training.hosts.link import SILENCE_S
from dockwright_training.launch import place
from dockwright_training.run.child import STOPPING, Child, End

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dockwright_training.errors import TrainingError
    from dockwright_training.hosts.fleet import Fleet
    from dockwright_training.launch.launch import Launch

log = logging.getLogger(__name__)
_KILL_S = 15.0
"""How long a script may take to end once another host has failed."""
_RANKS = "ranks"
_LOST_PEER = re.compile(
    r"by peer|refused|Broken pipe|Connection closed|remote process exited|NCCL|gloo|"
    r"Unavailable|Dist(?:Store|Network|Backend)Error|lost communication"
)
"""What a script says when it is another host that has failed."""


def run(launch: Launch, environment: Mapping[str, str], others: Fleet) -> End:
    """Run this host's part to its end, or until another host's failure ends it.

    Raises:
        TrainingError: another host has failed or is lost; the script has been ended.
    """
    if not launch.processes:
        return _supervise(launch, environment, others)
    with place.opened(launch, environment, others) as here:
        if launch.command is None:
            end = _wait_for_the_master(others)
        else:
            end = _supervise(here.completed(launch), environment, others)
            if launch.over_ssh and not end.exit_code:
                others.meet(_RANKS)
        told = here.exit_code(launch) if end.was_stopped else None
        return end if told is None else replace(end, exit_code=told)


def _supervise(launch: Launch, environment: Mapping[str, str], others: Fleet) -> End:
    child = Child.start(launch, environment, others.stop)
    ended = threading.Event()

    def fail() -> None:
        child.stop()
        if not ended.wait(_KILL_S):
            log.warning("the script is still there after %.0f s; it is killed", _KILL_S)
            child.kill()

    others.watch(child.stop, fail)
    end = child.wait()
    ended.set()
    problem = _problem(end, others)
    if problem is not None:
        raise problem
    return end


def _problem(end: End, others: Fleet) -> TrainingError | None:
    """Return another host's failure that is the cause of this host's."""
    if not end.exit_code or others.is_stopping:
        return None
    is_victim = _LOST_PEER.search(end.last_words)
    # A host that is lost without a word is missed only when it has been silent for a while.
    return others.problem(SILENCE_S + 2 if is_victim else 0)


def _wait_for_the_master(others: Fleet) -> End:
    """Wait while mpirun's daemon runs this host's ranks."""
    was_stopped = False

    def stop(*_: object) -> None:
        nonlocal was_stopped
        was_stopped = True
        others.stop()

    for number in STOPPING:
        signal.signal(number, stop)
    others.meet(_RANKS)
    return End(exit_code=0, last_words="", was_stopped=was_stopped or others.is_stopping)
