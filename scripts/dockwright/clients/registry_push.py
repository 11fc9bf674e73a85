"""An image, or blobs, in; the same in a repository out, sending only what it lacks."""

from __future__ import annotations

import io
import queue
import threading
import time
from dataclasses import dataclass, field, replace
from functools import partial
from typing import IO, TYPE_CHECKING

from dockwright import console
from dockwright.clients import registry_upload
from dockwright.clients.registry import Repository
from dockwright.clients.registry_upload import Payload
from dockwright.clients.upload_journal import Journal
from dockwright.errors import DockwrightError, HashMismatchError, RegistryError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from dockwright.clients.hashing import OnBytes
    from dockwright.spec.image import AssembledImage

PARALLEL = 4
STOP_WAIT_S = 5.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Pushed:
    """What a push did, by the blobs' digests."""

    present: tuple[str, ...]
    mounted: tuple[str, ...]
    sent: tuple[str, ...]
    mounted_bytes: int
    sent_bytes: int

    def __str__(self) -> str:
        there, mounted, sent = (len(blobs) for blobs in (self.present, self.mounted, self.sent))
        return (
            f"{there} blobs were there, {mounted} were taken over from other repositories "
            f"({console.human_bytes(self.mounted_bytes)}), {sent} were sent "
            f"({console.human_bytes(self.sent_bytes)})"
        )


class _StoppedError(Exception):
    """Another blob failed, or Ctrl-C: this thread gives up."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Run:
    repository: Repository
    mount_from: tuple[str, ...]
    journal: Journal
    chunk_bytes: int | None
    transfer: console.Transfer
    stop: threading.Event
    outcome: dict[str, str] = field(default_factory=dict)
    failures: list[BaseException] = field(default_factory=list)
    done: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))


def push(
    repository: Repository,
    image: AssembledImage,
    *,
    tags: Sequence[str],
    mount_from: Sequence[str] = (),
    uploads_path: Path | None = None,
    chunk_bytes: int | None = None,
) -> Pushed:
    """Send what the repository lacks, then the manifest, then the tags.

    `mount_from` names repositories of the same registry that may have the blobs; `uploads_path` is
    where unfinished uploads are remembered, for the push after one that was killed. Before the last
    blob is there, nothing is published: a push that is cut off leaves no image behind.
    """
    pushed = bring(
        repository,
        _payloads(image),
        mount_from=mount_from,
        uploads_path=uploads_path,
        chunk_bytes=chunk_bytes,
    )
    repository.put_manifest(image.digest, image.manifest, image.manifest_type)
    for tag in tags:
        repository.put_manifest(tag, image.manifest, image.manifest_type)
    return pushed


def bring(
    repository: Repository,
    payloads: Sequence[Payload],
    *,
    mount_from: Sequence[str] = (),
    uploads_path: Path | None = None,
    chunk_bytes: int | None = None,
) -> Pushed:
    """Send the blobs that the repository lacks, several at a time, the largest first."""
    largest_first = sorted(payloads, key=lambda p: p.size_bytes, reverse=True)
    total_bytes = sum(payload.size_bytes for payload in payloads)
    stop = threading.Event()
    with console.transfer(f"push to {repository}", total_bytes) as transfer:
        run = _Run(
            repository=_stoppable(repository, stop),
            mount_from=tuple(name for name in mount_from if name != repository.name),
            journal=Journal(folder=uploads_path),
            chunk_bytes=chunk_bytes,
            transfer=transfer,
            stop=stop,
        )
        _work(run, largest_first)
    by_way = {
        way: tuple(p.digest for p in largest_first if run.outcome[p.digest] == way)
        for way in ("present", "mounted", "sent")
    }
    mounted_bytes, sent_bytes = (
        sum(p.size_bytes for p in payloads if p.digest in by_way[way])
        for way in ("mounted", "sent")
    )
    return Pushed(**by_way, mounted_bytes=mounted_bytes, sent_bytes=sent_bytes)


def _payloads(image: AssembledImage) -> list[Payload]:
    payloads = {
        image.config_digest: Payload(
            digest=image.config_digest,
            size_bytes=len(image.config),
            open=partial(io.BytesIO, image.config),
        )
    }
    for layer in image.blobs:
        size_bytes = layer.path.stat().st_size if layer.path.is_file() else None
        if size_bytes != layer.size_bytes:
            found = "missing" if size_bytes is None else f"{size_bytes} bytes long"
            msg = f"layer {layer.path} is {found}, not {layer.size_bytes}; build the image again"
            raise HashMismatchError(msg)
        payloads[layer.digest] = Payload(
            digest=layer.digest, size_bytes=layer.size_bytes, open=partial(_opened, layer.path)
        )
    return list(payloads.values())


def _opened(path: Path) -> IO[bytes]:
    return path.open("rb")


def _stoppable(repository: Repository, stop: threading.Event) -> Repository:
    """Return the repository with waits between attempts that end when the push is given up."""

    def sleep(seconds: float) -> None:
        if stop.wait(seconds):
            raise _StoppedError

    return replace(repository, session=replace(repository.session, sleep=sleep))


def _work(run: _Run, payloads: Sequence[Payload]) -> None:
    """Run the workers; threads of our own, since a pool's would hold up Ctrl-C until they end."""
    tasks: queue.SimpleQueue[Payload] = queue.SimpleQueue()
    for payload in payloads:
        tasks.put(payload)
    workers = [
        threading.Thread(target=_worker, args=(run, tasks), daemon=True)
        for _ in range(min(PARALLEL, len(payloads)))
    ]
    for worker in workers:
        worker.start()
    try:
        for _ in payloads:
            run.done.acquire()
            if run.failures:
                break
    finally:
        run.stop.set()
        deadline = time.monotonic() + STOP_WAIT_S
        for worker in workers:
            worker.join(max(0.0, deadline - time.monotonic()))
    if run.failures:
        raise _summed_up(run.failures)


def _worker(run: _Run, tasks: queue.SimpleQueue[Payload]) -> None:
    while not run.failures and not run.stop.is_set():
        try:
            payload = tasks.get_nowait()
        except queue.Empty:
            return
        try:
            run.outcome[payload.digest] = _bring(run, payload)
        except _StoppedError:
            return
        except BaseException as e:  # noqa: BLE001 - raised again by the thread that waits
            run.failures.append(e)
        run.done.release()


def _bring(run: _Run, payload: Payload) -> str:
    def on_bytes(count: int) -> None:
        if run.stop.is_set():
            raise _StoppedError
        run.transfer.advance(count)

    started = time.monotonic()
    if run.repository.has_blob(payload.digest, for_push=True):
        run.journal.forget(
            str(run.repository), payload.digest
        )  # we were killed after its last byte
        on_bytes(payload.size_bytes)
        return "present"
    location = None
    source = _holder(run, payload.digest)
    if source is not None:
        location = registry_upload.mount(run.repository, payload.digest, source=source)
        if location is None:
            on_bytes(payload.size_bytes)
            return "mounted"
    _send(run, payload, location, on_bytes)
    seconds = time.monotonic() - started
    name = payload.digest[7:19]
    run.transfer.finished(name, size_bytes=payload.size_bytes, seconds=seconds)
    return "sent"


def _send(run: _Run, payload: Payload, location: str | None, on_bytes: OnBytes) -> None:
    entry = (str(run.repository), payload.digest)
    begun = run.journal.recall(*entry)
    registry_upload.upload(
        run.repository,
        payload,
        location=begun or location,
        is_resumed=begun is not None,
        chunk_bytes=run.chunk_bytes,
        on_bytes=on_bytes,
        on_location=partial(run.journal.keep, *entry),
    )
    run.journal.forget(*entry)


def _holder(run: _Run, digest: str) -> str | None:
    """Return the first of the other repositories that has a blob and lets us see it."""
    for name in run.mount_from:
        other = Repository(session=run.repository.session, name=name)
        try:
            if other.has_blob(digest):
                return name
        except RegistryError as e:
            console.debug(f"no blob is taken over from {other}: {e}")
    return None


def _summed_up(failures: Sequence[BaseException]) -> BaseException:
    """Return one error that names all failures; a fault of ours as it is, with its traceback."""
    for failure in failures:
        if not isinstance(failure, DockwrightError):
            return failure
    kind = HashMismatchError if isinstance(failures[0], HashMismatchError) else RegistryError
    return kind("\n".join(dict.fromkeys(str(failure) for failure in failures)))
