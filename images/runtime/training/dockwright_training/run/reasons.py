"""How a script ended in; why, in one paragraph for a person, out."""

from __future__ import annotations

import signal
from contextlib import suppress
from typing import TYPE_CHECKING

from dockwright_training.errors import ScriptError
from dockwright_training.run import advice, launchers, traces

if TYPE_CHECKING:
    from dockwright_training.code.program import Program
    from dockwright_training.contract.request import Request
    from dockwright_training.layout import Layout
    from dockwright_training.run.child import End

_MAX_CHARACTERS = 300


def failure(end: End, program: Program, request: Request, layout: Layout) -> ScriptError:
    """Return the error that tells of the script's end; its exit code is the script's.

    Of several processes that were launched, it is about the one that failed first.
    """
    first = launchers.first_failed(end.last_words)
    code = end.exit_code if first is None else first.exit_code
    words = launchers.before_report(end.last_words)
    trace = _blamed(traces.parse(words), first)
    said = _last_line(words, first) if trace is None else trace.error
    ending = _ending(code, is_stopped=end.was_stopped)
    who = program.name if first is None else f"{program.name} (process {first.rank})"
    place = None if trace is None else trace.place(program.folder)
    told = f"{who} {ending}{_said(said, place, is_error=trace is not None)}"
    hints = advice.on(advice.Case(code=code, said=said, end=end, request=request, layout=layout))
    return ScriptError(". ".join([told.rstrip("."), *hints]), code)


def _blamed(found: list[traces.Trace], first: launchers.First | None) -> traces.Trace | None:
    of_script = [trace for trace in found if not trace.is_launcher_s]
    if first is None:
        return of_script[-1] if of_script else None
    its = [trace for trace in of_script if trace.rank == first.rank][-1:]
    # Where the lines are not marked, the first exception is most likely the first failure's.
    unmarked = [trace for trace in of_script if trace.rank is None]
    return next(iter(its or unmarked), None)


def _ending(code: int, *, is_stopped: bool) -> str:
    ending = f"ended with exit code {code}"
    if code > 128:
        with suppress(ValueError):
            ending = f"was ended by {signal.Signals(code - 128).name}"
    return f"{ending} after this container was told to stop" if is_stopped else ending


def _said(said: str, place: str | None, *, is_error: bool) -> str:
    if not said:
        return ""
    if not is_error:
        return f"; its last words: {said}"
    return f": {said} ({place})" if place else f": {said}"


def _last_line(words: str, first: launchers.First | None) -> str:
    """Return the last line that tells something; of another process, none does."""
    told = ""
    for rank, line in map(traces.unmarked, traces.lines(words)):
        is_its = first is None or rank in {None, first.rank}
        if is_its and not launchers.is_talk(line):
            told = line
    return told.strip()[-_MAX_CHARACTERS:]
