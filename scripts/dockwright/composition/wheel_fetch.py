"""Locked wheels and the host's indexes in; the same wheels, checked by hash, in the store out."""

from __future__ import annotations

import errno
import queue
import shutil
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from dockwright import console
from dockwright.clients import index, index_session
from dockwright.clients.index_page import Link
from dockwright.composition import wheels
from dockwright.console import human_bytes
from dockwright.errors import DockwrightError, HashMismatchError, NetworkError, NoSpaceError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import httpx

    from dockwright.clients.index_config import IndexConfig
    from dockwright.clients.index_session import Session
    from dockwright.spec.lock import Wheel

PARALLEL = 4
FOLDERS_VARIABLE = "DOCKWRIGHT_WHEELS"
SPARE_BYTES = 100_000_000
MAX_FAILURES = 4
STOP_WAIT_S = 1.0


class _StoppedError(Exception):
    """Ends a worker whose run is over; its partial file stays."""


@dataclass(slots=True, kw_only=True)
class _Run:
    """What the workers of one fetch share."""

    store: Path
    found: Mapping[Wheel, Path]
    urls: Mapping[Wheel, str]
    session: Session | None
    transfer: console.Transfer
    stop: threading.Event = field(default_factory=threading.Event)
    done: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    failures: list[BaseException] = field(default_factory=list)

    @property
    def is_over(self) -> bool:
        """Where so much fails, an index is away: the rest would only fail the same way."""
        return self.stop.is_set() or len(self.failures) >= MAX_FAILURES


def carried_folders(environ: Mapping[str, str], from_folder: Path | None = None) -> list[Path]:
    """Return the folders of wheels that were carried here: the option's, then the variable's."""
    named = environ.get(FOLDERS_VARIABLE, "").split(":")
    return [*([from_folder] if from_folder else []), *(Path(name) for name in named if name)]


def fetch(
    store: Path,
    locked: Iterable[Wheel],
    config: IndexConfig,
    *,
    folders: Sequence[Path] = (),
    urls: Mapping[Wheel, str] | None = None,
    transport: httpx.BaseTransport | None = None,
) -> tuple[Wheel, ...]:
    """Bring the wheels that the store lacks, from carried folders first; return those brought.

    Those with an address of their own in `urls` are looked for in no index.

    Partial files stay for the next run, whatever ends this one. Failures are collected: the
    error names each, HashMismatchError before NetworkError.
    """
    todo = wheels.missing(store, dict.fromkeys(locked))
    if not todo:
        return ()
    _check_space(store, todo)
    found = {wheel: path for wheel in todo if (path := _carried(wheel, folders)) is not None}
    total_bytes = sum(wheel.size_bytes for wheel in todo)
    started = time.monotonic()
    with ExitStack() as stack:
        session = None
        if len(found) < len(todo):
            session = stack.enter_context(index_session.session(config, transport=transport))
        title = f"fetching {len(todo)} wheels"
        transfer = stack.enter_context(console.transfer(title, total_bytes))
        run = _Run(store=store, found=found, urls=urls or {}, session=session, transfer=transfer)
        _work(run, todo)
    seconds = time.monotonic() - started
    rate = f"{human_bytes(round(total_bytes / max(seconds, 0.001)))}/s"
    console.say(f"{len(todo)} wheels, {human_bytes(total_bytes)}, in {seconds:.1f} s ({rate})")
    return todo


def _work(run: _Run, todo: Sequence[Wheel]) -> None:
    """Run the workers; threads of our own, since a pool's would hold up Ctrl-C until they end."""
    tasks: queue.SimpleQueue[Wheel] = queue.SimpleQueue()
    for wheel in sorted(todo, key=lambda wheel: wheel.size_bytes, reverse=True):
        tasks.put(wheel)
    workers = [
        threading.Thread(target=_worker, args=(run, tasks), daemon=True)
        for _ in range(min(PARALLEL, len(todo)))
    ]
    for worker in workers:
        worker.start()
    try:
        for _ in todo:
            run.done.acquire()
            if run.is_over:
                break
    finally:
        run.stop.set()
        deadline = time.monotonic() + STOP_WAIT_S
        for worker in workers:
            worker.join(max(0.0, deadline - time.monotonic()))
    if run.failures:
        raise _summed_up(run.failures)


def _worker(run: _Run, tasks: queue.SimpleQueue[Wheel]) -> None:
    while not run.is_over:
        try:
            wheel = tasks.get_nowait()
        except queue.Empty:
            return
        try:
            _bring(run, wheel)
        except _StoppedError:
            return
        except BaseException as e:  # noqa: BLE001 - raised again by the thread that waits
            run.failures.append(e)
        run.done.release()


def _bring(run: _Run, wheel: Wheel) -> None:
    def on_bytes(count: int) -> None:
        if run.stop.is_set():
            raise _StoppedError
        run.transfer.advance(count)

    started = time.monotonic()
    source = run.found.get(wheel)
    if source is not None:
        wheels.put(run.store, wheel, source, on_bytes)
    else:
        assert run.session is not None
        with wheels.receiving(run.store, wheel) as part:
            if part is not None:
                url = run.urls.get(wheel)
                link = _at(url, wheel) if url else index.locate(run.session, wheel)
                index.download(run.session, link, wheel, part, on_bytes)
    seconds = time.monotonic() - started
    run.transfer.finished(wheel.filename, size_bytes=wheel.size_bytes, seconds=seconds)


def _at(url: str, wheel: Wheel) -> Link:
    """Return a file by its own address; NetworkError when that is but a name: none has carried it."""
    if "://" not in url:
        msg = (
            f"{url} has no address in the manifest and is in no carried folder; name its folder in "
            f"{FOLDERS_VARIABLE} or with `dockwright fetch --from`"
        )
        raise NetworkError(msg)
    return Link(filename=wheel.filename, url=url, sha256=None, size_bytes=wheel.size_bytes)


def _carried(wheel: Wheel, folders: Sequence[Path]) -> Path | None:
    """Return the wheel's file in a carried folder: of `fetch --to`, plain, or another store."""
    for folder in folders:
        laid_out = folder.glob(f"*/*/{wheel.filename}")
        for path in (wheels.path_of(folder, wheel), folder / wheel.filename, *laid_out):
            if path.is_file():
                return path
    return None


def _check_space(store: Path, todo: Sequence[Wheel]) -> None:
    store.mkdir(parents=True, exist_ok=True)
    parts = (wheels.part_of(store, wheel) for wheel in todo)
    have_bytes = sum(part.stat().st_size for part in parts if part.is_file())
    needed_bytes = sum(wheel.size_bytes for wheel in todo) - have_bytes + SPARE_BYTES
    free_bytes = shutil.disk_usage(store).free
    if free_bytes < needed_bytes:
        msg = (
            f"the wheels to fetch need {human_bytes(needed_bytes)} and {store} has "
            f"{human_bytes(free_bytes)} free; make room, or set DOCKWRIGHT_HOME to a larger disk"
        )
        raise NoSpaceError(msg)


def _summed_up(failures: Sequence[BaseException]) -> BaseException:
    """Return one error that names all failures; a fault of ours as it is, with its traceback."""
    for failure in failures:
        if isinstance(failure, OSError) and failure.errno == errno.ENOSPC:
            msg = f"the disk filled up while wheels came: {failure}; make room and run it again"
            return NoSpaceError(msg)
        if not isinstance(failure, DockwrightError):
            return failure
    has_mismatch = any(isinstance(failure, HashMismatchError) for failure in failures)
    kind = HashMismatchError if has_mismatch else NetworkError
    return kind("\n".join(str(failure) for failure in failures))
