"""The one way to the terminal: results to standard output, talk to standard error."""

from __future__ import annotations

import json
import os
import sys
import time
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rich.console import Console
    from rich.progress import Progress


UNITS = ("B", "kB", "MB", "GB", "TB")
LABEL_COLOURS = (36, 33, 32, 35, 34, 31)
"""Of terminals, for what several programs say at once."""


@cache
def stderr() -> Console:
    """Return the console for talk: progress, warnings, errors."""
    from rich.console import Console  # noqa: PLC0415 - 60 ms that piped commands never need

    return Console(stderr=True, markup=False, highlight=False, soft_wrap=True)


def out(text: str) -> None:
    """Print a result line."""
    print(text)


def out_json(data: object) -> None:
    """Print a result as JSON."""
    print(json.dumps(data, indent=2))


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a result as aligned columns, one row a line, so that it stays pipeable."""
    lines = [tuple(header), *(tuple(row) for row in rows)]
    widths = [max(len(cell) for cell in column) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        print("  ".join(cells).rstrip())


def say(text: str, style: str | None = None) -> None:
    """Tell the user something on standard error."""
    if sys.stderr.isatty():
        stderr().print(text, style=style)
    else:
        print(text, file=sys.stderr, flush=True)


def warn(text: str) -> None:
    """Tell the user about something that needs attention but does not stop the work."""
    say(f"warning: {text}", style="yellow")


def error(text: str) -> None:
    """Tell the user why the work stops."""
    say(f"error: {text}", style="bold red")


def debug(text: str) -> None:
    """Tell what is going on underneath, when DOCKWRIGHT_VERBOSE is set."""
    if os.environ.get("DOCKWRIGHT_VERBOSE"):
        say(text, style="dim")


def relay(piece: bytes, *, is_talk: bool) -> None:
    """Pass on what another program writes, to the byte and at once."""
    stream = sys.stderr if is_talk else sys.stdout
    stream.flush()
    stream.buffer.write(piece)
    stream.buffer.flush()


def labelled(label: str, text: str, *, number: int, is_talk: bool) -> None:
    """Pass on a line of one of several programs, with its name and, on a terminal, its colour."""
    stream = sys.stderr if is_talk else sys.stdout
    prefix = f"{label} | "
    if stream.isatty() and not os.environ.get("NO_COLOR"):
        prefix = f"\x1b[{LABEL_COLOURS[number % len(LABEL_COLOURS)]}m{prefix}\x1b[0m"
    print(prefix + text, file=stream, flush=True)


@contextmanager
def step(title: str) -> Iterator[None]:
    """Announce one thing that takes time, and say its seconds when it is done."""
    started = time.monotonic()
    say(f"{title} …")
    try:
        yield
    except BaseException:
        say(f"{title}: failed after {time.monotonic() - started:.1f} s", style="red")
        raise
    say(f"{title}: done in {time.monotonic() - started:.1f} s", style="green")


class Transfer:
    """Bytes on their way: a live line on a terminal, one line per finished item elsewhere."""

    def __init__(self, total_bytes: int, live: Progress | None) -> None:
        self._live = live
        if live is not None:
            self._task = live.add_task("", total=total_bytes)

    def advance(self, count: int) -> None:
        """Count bytes that came; threads may call this."""
        if self._live is not None:
            self._live.advance(self._task, count)

    def finished(self, item: str, *, size_bytes: int, seconds: float) -> None:
        """Tell that one item is complete."""
        if self._live is None:
            rate = f"{human_bytes(round(size_bytes / max(seconds, 0.001)))}/s"
            say(f"  {item}: {human_bytes(size_bytes)} in {seconds:.1f} s ({rate})")


@contextmanager
def transfer(title: str, total_bytes: int) -> Iterator[Transfer]:
    """Show how far a transfer is, with its bytes, rate and elapsed time, while the block runs."""
    if not sys.stderr.isatty():
        yield Transfer(total_bytes, None)
        return
    from rich import progress as p  # noqa: PLC0415

    columns = (p.BarColumn(), p.DownloadColumn(), p.TransferSpeedColumn(), p.TimeElapsedColumn())
    with p.Progress(p.TextColumn(title), *columns, console=stderr(), transient=True) as live:
        yield Transfer(total_bytes, live)


def human_bytes(count: int) -> str:
    """Return a size for people: decimal units, three significant digits.

    >>> human_bytes(190_400_000)
    '190 MB'
    """
    value, power = float(count), 0
    while value >= 999.5 and power < len(UNITS) - 1:
        value, power = value / 1000, power + 1
    return f"{value:.0f} B" if power == 0 else f"{value:.3g} {UNITS[power]}"


def human_value(value: float, unit: str) -> str:
    """Return a measured value for people.

    >>> human_value(0.01234, "s"), human_value(2.5e9, "B"), human_value(31.0, "J")
    ('12.3 ms', '2.5 GB', '31 J')
    """
    if unit == "B":
        return human_bytes(round(value))
    if unit == "s" and value < 1:
        return f"{value * 1000:.3g} ms"
    return f"{value:.3g} {unit}"


def as_json(data: object) -> str:
    """Return stable JSON text with a final newline, as committed and recorded files have it."""
    return json.dumps(data, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
