"""Variants with built images in; every check run on each, told as it ends, and recorded, out."""

from __future__ import annotations

import os
import platform
import time
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor, as_completed, wait
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

from dockwright import console
from dockwright.errors import RecordError, SmokeError
from dockwright.spec import records
from dockwright.spec.records import BuildRecord, CheckRecord, SmokeRecord, Status
from dockwright.stages.smoke import behaviour, outside, session, traces
from dockwright.stages.smoke.checks import CheckDeferredError, CheckFailedError, require_gpu
from dockwright.stages.smoke.launcher import Launcher
from dockwright.stages.smoke.subject import checks_of, checks_sha256, prepare

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from concurrent.futures import Future
    from datetime import datetime

    from docker import DockerClient

    from dockwright.spec.variants import Variant
    from dockwright.stages.smoke.checks import Check
    from dockwright.stages.smoke.subject import Subject
    from dockwright.workspace import Workspace

DOCUMENTS = (outside.manifest, outside.labels, outside.size, outside.host_traces)
BEHAVIOURS = (
    behaviour.sigterm_handled,
    behaviour.sigterm_unhandled,
    behaviour.exit_code,
    behaviour.zombies,
    behaviour.no_command,
    behaviour.arbitrary_user,
    behaviour.read_only,
)
WORDS = {
    Status.PASSED: ("PASS", None),
    Status.FAILED: ("FAIL", "bold red"),
    Status.DEFERRED: ("DEFERRED", "yellow"),
}


def smoke(
    ws: Workspace,
    variants: Sequence[Variant],
    client: DockerClient,
    *,
    clock: Callable[[], datetime],
    unless_passed: bool = False,
    workers: int | None = None,
) -> tuple[SmokeRecord, ...]:
    """Check the variants' images and record each one whose checks have all ended.

    With `unless_passed`, an image that these very checks have passed already is not run again.
    """
    suspicious = traces.of_host(ws, os.environ, node=platform.node())
    subjects = prepare(ws, variants, client, suspicious)
    for subject in subjects:
        _drop_stale(ws, subject)
    launcher = Launcher(client=client)
    made = already_passed(ws, subjects, has_gpu=launcher.has_gpu()) if unless_passed else {}
    todo = [subject for subject in subjects if subject not in made]
    for subject, checks in check(launcher, todo, workers=workers):
        record = SmokeRecord(
            identifier=subject.identifier,
            digest=subject.image.digest,
            finished_at=clock().isoformat(timespec="seconds"),
            seconds=round(sum(c.seconds for c in checks), 1),
            checks_sha256=subject.checks_sha256,
            checks=tuple(sorted(checks, key=lambda c: c.name)),
        )
        records.write(ws.out_path, "smoke", record)
        made[subject] = record
    return tuple(made[subject] for subject in subjects)


def already_passed(
    ws: Workspace, subjects: Iterable[Subject], *, has_gpu: bool
) -> dict[Subject, SmokeRecord]:
    """Return, and tell, the records of images in which these very checks found nothing wrong.

    What was deferred counts only where it would be deferred again. This host's traces are looked
    for in any case: the record may be another host's.
    """
    passed = {}
    for subject in subjects:
        record = records.read(ws.out_path, subject.identifier, "smoke", SmokeRecord)
        if (
            record is not None
            and record.digest == subject.image.digest
            and record.checks_sha256 == subject.checks_sha256
            and not record.count(Status.FAILED)
            and not (has_gpu and record.count(Status.DEFERRED))
            and execute("", partial(outside.host_traces, subject)).status is Status.PASSED
        ):
            passed[subject] = record
            deferred = record.count(Status.DEFERRED)
            but = f", {deferred} of them deferred" if deferred else ""
            console.say(
                f"PASSED BEFORE  {subject.identifier}  {len(record.checks)} checks{but}, "
                f"on {record.finished_at}: the same image, the same checks"
            )
    return passed


def settled(ws: Workspace, variants: Iterable[Variant]) -> dict[str, SmokeRecord]:
    """Return the records, by identifier, of images in which today's checks found nothing wrong.

    The images themselves need not be there any more; what was deferred here stays deferred.
    """
    found = {}
    for variant in variants:
        record = records.read(ws.out_path, variant.identifier, "smoke", SmokeRecord)
        built = records.read(ws.out_path, variant.identifier, "build", BuildRecord)
        if record is None or built is None or record.digest != built.digest:
            continue
        _, archive = checks_of(ws, variant)
        if record.checks_sha256 == checks_sha256(archive) and not record.count(Status.FAILED):
            found[variant.identifier] = record
    return found


def require_passed(smoke_records: Iterable[SmokeRecord]) -> None:
    """Raise SmokeError that names every failed check."""
    failed = [
        f"{record.identifier}: {check.name}"
        for record in smoke_records
        for check in record.checks
        if check.status is Status.FAILED
    ]
    if failed:
        msg = f"{len(failed)} checks failed:\n" + "\n".join(failed)
        raise SmokeError(msg)


def check(
    launcher: Launcher, subjects: Sequence[Subject], *, workers: int | None = None
) -> Iterator[tuple[Subject, list[CheckRecord]]]:
    """Yield each subject with its checks' records as soon as the last of them has ended."""
    with ThreadPoolExecutor(workers or os.cpu_count()) as pool, ExitStack() as sessions:
        try:
            running = {
                future: subject
                for subject in subjects
                for future in _submit(pool, launcher, subject, sessions)
            }
            outstanding = Counter(running.values())
            done: dict[Subject, list[CheckRecord]] = defaultdict(list)
            for future in as_completed(running):
                subject = running[future]
                done[subject].append(future.result())
                _tell(subject, future.result())
                if len(done[subject]) == outstanding[subject]:
                    yield subject, done[subject]
        except BaseException:
            # The threads' waiting ends with the containers that they wait for.
            pool.shutdown(wait=False, cancel_futures=True)
            launcher.clear()
            raise


def _submit(
    pool: ThreadPoolExecutor, launcher: Launcher, subject: Subject, sessions: ExitStack
) -> Iterator[Future[CheckRecord]]:
    """Queue a subject's checks: those of the image as built before those that leave traces."""
    inside = _inside(launcher, subject, sessions)
    pristine = [
        pool.submit(execute, c.name, partial(inside, c)) for c in subject.checks if c.is_pristine
    ]
    yield from pristine
    for document in DOCUMENTS:
        yield pool.submit(execute, f"outside/{document.__name__}", partial(document, subject))
    for behave in BEHAVIOURS:
        run = partial(behave, launcher, subject)
        yield pool.submit(execute, f"outside/{behave.__name__}", run)
    for script in (c for c in subject.checks if not c.is_pristine):
        # No deadlock: the pool takes its work in order, so what is waited for has been taken.
        yield pool.submit(execute, script.name, partial(inside, script), after=pristine)


def _inside(launcher: Launcher, subject: Subject, sessions: ExitStack) -> Callable[[Check], str]:
    """Open the subject's session; return what runs a check in it, or defers it."""
    has_gpu = any(c.needs_gpu for c in subject.checks) and launcher.has_gpu()
    opened = sessions.enter_context(session.opened(launcher, subject, with_gpu=has_gpu))

    def run(script: Check) -> str:
        require_gpu(script, has_gpu=has_gpu)
        return opened.run(script)

    return run


def execute(
    name: str, run: Callable[[], str], after: Sequence[Future[CheckRecord]] = ()
) -> CheckRecord:
    """Run a check, once others have ended, and return how it ended."""
    from docker.errors import DockerException  # noqa: PLC0415 - slow to import

    wait(after)
    started = time.monotonic()
    try:
        status, detail = Status.PASSED, run()
    except CheckDeferredError as e:
        status, detail = Status.DEFERRED, str(e)
    except CheckFailedError as e:
        status, detail = Status.FAILED, str(e)
    except DockerException as e:
        status, detail = Status.FAILED, f"the engine failed: {e}"
    seconds = round(time.monotonic() - started, 1)
    return CheckRecord(name=name, status=status, seconds=seconds, detail=detail)


def _tell(subject: Subject, record: CheckRecord) -> None:
    word, style = WORDS[record.status]
    head, *tail = record.detail.splitlines() or [""]
    line = f"{word}  {subject.identifier}  {record.name}  {record.seconds:.1f} s  {head}"
    console.say("\n".join((line, *(f"      {text}" for text in tail))), style=style)


def _drop_stale(ws: Workspace, subject: Subject) -> None:
    """Remove an older record that speaks of another image, or cannot be read."""
    try:
        old = records.read(ws.out_path, subject.identifier, "smoke", SmokeRecord)
    except RecordError:
        old = None
    if old is None or old.digest != subject.image.digest:
        records.record_path(ws.out_path, subject.identifier, "smoke").unlink(missing_ok=True)
