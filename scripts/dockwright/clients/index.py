"""A locked wheel and an open session in; where the wheel lies, and then its checked bytes, out."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import httpx

from dockwright import console
from dockwright.clients import index_page
from dockwright.clients.hashing import CHUNK_BYTES, copy, ignore, mismatch, sha256_of
from dockwright.clients.index_config import local_path, masked
from dockwright.clients.index_page import Link
from dockwright.clients.index_session import ABSENT, bare, explained, not_found
from dockwright.errors import NetworkError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from dockwright.clients.hashing import OnBytes
    from dockwright.clients.index_session import Session
    from dockwright.spec.lock import Wheel


def locate(session: Session, wheel: Wheel) -> Link:
    """Return the first place that has this very file: same name and, where told, same hash."""
    remarks: list[str] = []
    for place, find in _searches(session, wheel):
        try:
            namesakes = [link for link in find() if link.filename == wheel.filename]
        except NetworkError as e:
            remarks.append(str(e))  # another place may have it; said when none has
            continue
        for link in namesakes:
            path = local_path(link.url)
            if path is not None and not path.is_file():
                remarks.append(f"{masked(place)} lists it, but {path} does not exist")
                continue
            found = link.sha256 or (sha256_of(path) if path else None)
            if found in {None, wheel.sha256}:
                return link
            remarks.append(f"{masked(place)} has a file of that name with sha256 {found}")
    what = f"{wheel.filename} (sha256 {wheel.sha256})"
    raise not_found(what, session.config, remarks)


def download(
    session: Session, link: Link, wheel: Wheel, part: Path, on_bytes: OnBytes = ignore
) -> None:
    """Write the wheel to `part`, going on where an earlier try ended; check it while it comes.

    HashMismatchError, with `part` removed, when the bytes are not the locked ones.
    """
    resumed = _size(part) > 0
    on_bytes(_size(part))
    actual = _transfer(session, link, wheel, part, on_bytes)
    if actual != wheel.sha256 and resumed:
        # What an earlier run left behind may be what is wrong: once more from the start.
        console.debug(f"{wheel.filename}: the partial file was unusable")
        _discard(part, on_bytes)
        actual = _transfer(session, link, wheel, part, on_bytes)
    if actual != wheel.sha256:
        _discard(part, on_bytes)
        raise mismatch(wheel, actual, where=masked(link.url))


def size_of(session: Session, url: str) -> int:
    """Return a file's size where its index does not tell."""
    if (path := local_path(url)) is not None:
        return path.stat().st_size
    with explained(url):
        response = session.retrying(masked(url))(_head, session, url)
    try:
        return int(response.headers["Content-Length"])
    except (KeyError, ValueError):
        msg = f"{masked(url)}: neither the index nor the server tells the file's size"
        raise NetworkError(msg) from None


def _head(session: Session, url: str) -> httpx.Response:
    headers = {"Accept-Encoding": "identity"}
    response = session.http.request("HEAD", bare(url), headers=headers, auth=session.auth(url))
    return response.raise_for_status()


def _searches(session: Session, wheel: Wheel) -> Iterator[tuple[str, Callable[[], Iterator[Link]]]]:
    for place in session.config.find_links:
        yield place, partial(_in_find_links, session, place, wheel)
    for url in session.config.index_urls:
        yield url, partial(_in_index, session, url, wheel)


def _in_find_links(session: Session, place: str, wheel: Wheel) -> Iterator[Link]:
    path = local_path(place)
    if path is None or path.is_file():
        yield from _page(session, path.as_uri() if path else place)
    elif (file := path / wheel.filename).is_file():
        yield Link(
            filename=wheel.filename,
            url=file.absolute().as_uri(),
            sha256=None,
            size_bytes=file.stat().st_size,
        )


def _in_index(session: Session, index_url: str, wheel: Wheel) -> Iterator[Link]:
    page_url = f"{index_url.rstrip('/')}/{wheel.name}/"
    if (folder := local_path(page_url)) is not None:
        page = folder / "index.html"
        yield from _page(session, page.as_uri()) if page.is_file() else ()
    else:
        yield from _page(session, page_url)


def _page(session: Session, url: str) -> tuple[Link, ...]:
    if (path := local_path(url)) is not None:
        return index_page.parse(path.read_text("utf-8"), content_type="text/html", url=url)
    response = session.get(url, {"Accept": index_page.ACCEPT})
    if response.status_code in ABSENT:
        return ()
    content_type = response.headers.get("Content-Type", "")
    return index_page.parse(response.text, content_type=content_type, url=str(response.url))


def _transfer(session: Session, link: Link, wheel: Wheel, part: Path, on_bytes: OnBytes) -> str:
    if (path := local_path(link.url)) is not None:
        _discard(part, on_bytes)
        return copy(path, part, on_bytes)
    with explained(link.url):
        return session.retrying(wheel.filename)(_attempt, session, link, wheel, part, on_bytes)


def _attempt(session: Session, link: Link, wheel: Wheel, part: Path, on_bytes: OnBytes) -> str:
    """Fetch what is missing of the wheel with one request and return the sha256 of the whole."""
    if _size(part) > wheel.size_bytes:
        _discard(part, on_bytes)
    if _size(part) == wheel.size_bytes:
        return sha256_of(part)
    offset = _size(part)
    with _opened(session, link.url, offset=offset) as response:
        if offset and _is_unusable(response, offset=offset):
            _discard(part, on_bytes)
            msg = "the server does not continue where we stopped"
            raise httpx.RemoteProtocolError(msg)  # tried again, now from the start
        response.raise_for_status()
        if response.status_code != httpx.codes.PARTIAL_CONTENT:
            _discard(part, on_bytes)  # it ignores Range and sends all
        return _append(response, wheel, part, on_bytes)


@contextmanager
def _opened(session: Session, url: str, *, offset: int) -> Iterator[httpx.Response]:
    # Compressed on the way, a range would count compressed bytes.
    headers = {"Accept-Encoding": "identity"}
    if offset:
        headers["Range"] = f"bytes={offset}-"
    with session.http.stream("GET", bare(url), headers=headers, auth=session.auth(url)) as response:
        yield response


def _is_unusable(response: httpx.Response, *, offset: int) -> bool:
    if response.status_code == httpx.codes.PARTIAL_CONTENT:
        return not str(response.headers.get("Content-Range", "")).startswith(f"bytes {offset}-")
    return response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE


def _append(response: httpx.Response, wheel: Wheel, part: Path, on_bytes: OnBytes) -> str:
    digest = hashlib.sha256()
    with part.open("a+b") as file:
        file.seek(0)
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
        for chunk in response.iter_raw():  # as they come: a chunk size would hold bytes back
            file.write(chunk)
            digest.update(chunk)
            on_bytes(len(chunk))
            if file.tell() > wheel.size_bytes:
                break  # not the locked file, however much more would come
    return digest.hexdigest()


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _discard(part: Path, on_bytes: OnBytes) -> None:
    on_bytes(-_size(part))
    part.unlink(missing_ok=True)
