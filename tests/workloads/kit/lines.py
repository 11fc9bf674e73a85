"""What a workload measured, as the JSON lines that `dockwright bench` reads from its output."""

import itertools
import json
import os
import resource
import statistics
import sys
import time
from contextlib import ExitStack, contextmanager

SCHEMA = 2
# How much is measured; a workload that is tried out is measured less.
SECONDS = float(os.environ.get("DOCKWRIGHT_BENCH_SECONDS", "1.5"))
LEAST, MOST, WARM_UP = 3, 15, 2
BURST_S = SECONDS / MOST / 2
# The other image's turns are none of ours: what adds up over time is paused meanwhile.
TAKES_TURNS = "DOCKWRIGHT_BENCH_TURNS" in os.environ
pauses = []
sections = itertools.count()


def line(kind, **facts):
    """Write one line at once: what has been measured stays measured if the next thing fails."""
    sys.stdout.write(json.dumps({"dockwright": SCHEMA, "kind": kind, **facts}) + "\n")
    sys.stdout.flush()


def needs(what):
    """Tell that this host lacks something, and end: no result, and no failure either."""
    line("needs", what=what)
    sys.exit(0)


def samples(metric, values, *, unit="s", better="lower", items=None, item=None):
    """Tell samples of a metric; `items` is how many of `item` each of them dealt with."""
    line(
        "samples",
        metric=metric,
        unit=unit,
        better=better,
        values=list(values),
        items=items,
        item=item,
    )


@contextmanager
def workload():
    """Tell start, end and peak memory, around what is measured."""
    monotonic, wall = time.monotonic(), time.time()
    line("started")
    yield
    usage = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    samples("peak host memory", [sum(u.ru_maxrss for u in usage) * 1024], unit="B")
    line("ended", monotonic_s=time.monotonic() - monotonic, wall_s=time.time() - wall)


def timed(call, *, warm_up=WARM_UP):
    """Return the seconds that a call takes in each burst of calls, after a few that do not count."""

    def once():
        begun = time.perf_counter()
        call()
        return time.perf_counter() - begun

    return measured(once, warm_up=warm_up)


def measured(sample, *, warm_up=WARM_UP):
    """Return the median of each burst of samples; `sample` returns one, after a few that do not count.

    A burst is short and waits for its turn, so that whatever the host does meanwhile falls on both
    of the images that are compared.
    """
    section = next(sections)
    for _ in range(warm_up):
        sample()
    found, spent = [], 0.0
    while len(found) < LEAST or (spent < SECONDS and len(found) < MOST):
        turn(section, len(found))
        begun = time.perf_counter()
        found.append(burst(sample))
        spent += time.perf_counter() - begun
    return found


def burst(sample):
    """Return the median of some samples; the first is only left to count if it is a long one."""
    begun = time.perf_counter()
    first = sample()
    if time.perf_counter() - begun >= BURST_S:
        return first
    rest = []
    while not rest or time.perf_counter() - begun < 2 * BURST_S:
        rest.append(sample())
    return statistics.median(rest)


def turn(section, number):
    """Wait until it is this image's turn, where it is measured in turns with another one."""
    if not TAKES_TURNS:
        return
    with ExitStack() as stack:
        for pause in pauses:
            stack.enter_context(pause())
        line("turn", section=section, burst=number)
        sys.stdin.readline()


def counted(call, count):
    """Return the seconds of so many calls, after one that does not count."""
    call()
    taken = []
    for _ in range(count):
        begun = time.perf_counter()
        call()
        taken.append(time.perf_counter() - begun)
    return taken
