"""An image in; how its containers start, stop, and end, tried with real ones, out."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from dockwright.stages.smoke.checks import CheckFailedError
from dockwright.stages.smoke.containers import started

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dockwright.stages.smoke.containers import Ended
    from dockwright.stages.smoke.launcher import Launcher
    from dockwright.stages.smoke.subject import Subject

STOP_S = 5
"""How long an orderly end may take; SIGKILL comes twice as late."""
HANDLER = """
import signal, sys, time
def handle(number, frame):
    print("handled", flush=True)
    sys.exit(7)
signal.signal(signal.SIGTERM, handle)
print("ready", flush=True)
time.sleep(60)
"""
NO_HANDLER = "import time; print('ready', flush=True); time.sleep(60)"
ORPHAN = """
import os, sys, time
reader, writer = os.pipe()
child = os.fork()
if child == 0:
    grandchild = os.fork()
    if grandchild == 0:
        time.sleep(0.2)
        os._exit(0)  # an orphan by now: only the container's first process can collect it
    os.write(writer, str(grandchild).encode())
    os._exit(0)
os.waitpid(child, 0)
orphan = os.read(reader, 20).decode()
for _ in range(50):
    if not os.path.exists("/proc/" + orphan):
        sys.exit(0)
    time.sleep(0.1)
sys.exit("a zombie stays")
"""
USE = """
import tempfile
import {module}
from transformers import AutoConfig
with tempfile.TemporaryDirectory() as folder:
    AutoConfig.for_model("bert").save_pretrained(folder)
    assert AutoConfig.from_pretrained(folder).model_type == "bert"
print("works")
"""


def sigterm_handled(launcher: Launcher, subject: Subject) -> str:
    """Check that a stop reaches the command, whose handler decides the exit code."""
    ended = _stopped(launcher, subject, HANDLER)
    if "handled" not in ended.output or ended.code != 7:
        _fail("SIGTERM did not reach the command's handler", ended)
    return f"exit code {ended.code} after {ended.seconds:.1f} s"


def sigterm_unhandled(launcher: Launcher, subject: Subject) -> str:
    """Check that a command without a handler ends at once: it must not be process 1."""
    ended = _stopped(launcher, subject, NO_HANDLER)
    if ended.code != 143:
        _fail("SIGTERM did not end a command without a handler", ended)
    return f"exit code {ended.code} after {ended.seconds:.1f} s"


def exit_code(launcher: Launcher, subject: Subject) -> str:
    """Check that the command's exit code is the container's."""
    ended = _run(launcher, subject, ["python3", "-c", "raise SystemExit(42)"])
    if ended.code != 42:
        _fail("the command exited with 42", ended)
    return "42 stays 42"


def zombies(launcher: Launcher, subject: Subject) -> str:
    """Check that the first process collects orphans that have ended."""
    _succeeds(_run(launcher, subject, ["python3", "-c", ORPHAN]))
    return "an orphan was collected"


def no_command(launcher: Launcher, subject: Subject) -> str:
    """Check what a container without a command runs: its runtime, which says what it lacks.

    Serving waits for its model until it is stopped; training has no code and ends with EX_NOINPUT.
    Without a runtime it is Python, which ends by itself for want of input.
    """
    runtime = subject.facts["runtime"]
    with started(launcher, subject, []) as running:
        if runtime == "serving":
            running.wait_for("\n")
            running.stop(grace_s=STOP_S * 2)
        ended = running.ended()
    if ended.code != (os.EX_NOINPUT if runtime == "training" else 0):
        _fail("the image's own command failed", ended)
    return f"exit code {ended.code} after {ended.seconds:.1f} s"


def arbitrary_user(launcher: Launcher, subject: Subject) -> str:
    """Check that a user unknown to the image can use its libraries."""
    ended = _run(launcher, subject, _use(subject), user="12345:12345")
    _succeeds(ended)
    return f"as 12345:12345 in {ended.seconds:.1f} s"


def read_only(launcher: Launcher, subject: Subject) -> str:
    """Check that the libraries work where only /tmp can be written."""
    host = {"read_only": True, "tmpfs": {"/tmp": ""}}  # noqa: S108 - the container's
    ended = _run(launcher, subject, _use(subject), host=host)
    _succeeds(ended)
    return f"in {ended.seconds:.1f} s"


def _use(subject: Subject) -> list[str]:
    return ["python3", "-c", USE.format(module=subject.facts["module"])]


def _stopped(launcher: Launcher, subject: Subject, script: str) -> Ended:
    argv = ["python3", "-c", script]
    with started(launcher, subject, argv) as running:
        running.wait_for("ready")
        running.stop(grace_s=STOP_S * 2)
        ended = running.ended()
    if ended.seconds > STOP_S:
        _fail(f"stopping took {ended.seconds:.1f} s, more than {STOP_S} s", ended)
    return ended


def _run(
    launcher: Launcher,
    subject: Subject,
    argv: Sequence[str],
    *,
    user: str | None = None,
    host: Mapping[str, object] | None = None,
) -> Ended:
    with started(launcher, subject, argv, user=user, host=host) as running:
        return running.ended()


def _succeeds(ended: Ended) -> None:
    if ended.code != 0:
        _fail("the command failed", ended)


def _fail(message: str, ended: Ended) -> None:
    msg = f"{message}: exit code {ended.code} after {ended.seconds:.1f} s\n{ended.output[-2000:]}"
    raise CheckFailedError(msg.strip())
