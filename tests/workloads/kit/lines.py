"""What a workload measured, as the JSON lines that `dockwright bench` reads from its output."""

import json
import os
import resource
import sys
import time
from contextlib import contextmanager

SCHEMA = 1
# How much is measured; a workload that is tried out is measured less.
SECONDS = float(os.environ.get("DOCKWRIGHT_BENCH_SECONDS", "1.5"))
LEAST, MOST, WARM_UP = 3, 100, 2


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
    """Return the seconds of each call, after a few that do not count."""
    for _ in range(warm_up):
        call()
    taken = []
    until = time.perf_counter() + SECONDS
    while len(taken) < LEAST or (time.perf_counter() < until and len(taken) < MOST):
        begun = time.perf_counter()
        call()
        taken.append(time.perf_counter() - begun)
    return taken


def counted(call, count):
    """Return the seconds of so many calls, after one that does not count."""
    call()
    taken = []
    for _ in range(count):
        begun = time.perf_counter()
        call()
        taken.append(time.perf_counter() - begun)
    return taken
