"""A distribution's name and a target in; its versions in the host's indexes, with their facts, out.

Pages are kept in dockwright's home and asked for again, politely, only when they are ten minutes old.
"""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

from dockwright.clients import index_page
from dockwright.clients.index_config import PAGE_MAX_AGE_S, local_path
from dockwright.clients.index_session import ABSENT, NOT_MODIFIED
from dockwright.clients.wheel_files import target_tags
from dockwright.spec.records import write_atomically

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import date
    from pathlib import Path

    from packaging.tags import Tag
    from packaging.version import Version

    from dockwright.clients.index_page import Link
    from dockwright.clients.index_session import Session
    from dockwright.clients.wheel_files import Target


@dataclass(frozen=True, kw_only=True, slots=True)
class Offer:
    """A version that some index has."""

    version: str
    uploaded: date | None
    """The day of its first file; None where no index dates its files."""
    yanked: str | None
    """Why it was withdrawn, in its maintainers' words; None when it was not."""
    fits: bool
    """Whether there is a wheel that the target installs."""

    def is_cool(self, newest: date | None) -> bool:
        """Tell whether it was uploaded up to a day; what nobody dates is taken for old."""
        return newest is None or self.uploaded is None or self.uploaded <= newest


def offers(session: Session, name: str, *, target: Target, store: Path) -> tuple[Offer, ...]:
    """Return the versions of a distribution that are wheels, oldest first; none if unknown."""
    found: dict[Version, list[Link]] = {}
    for link in links(session, name, store=store):
        version = _version(link.filename, name)
        if version is not None:
            found.setdefault(version, []).append(link)
    supported = frozenset(target_tags(target))
    return tuple(_offer(version, found[version], supported) for version in sorted(found))


def links(session: Session, name: str, *, store: Path) -> Iterator[Link]:
    """Yield every file of a distribution that the host's indexes and folders list."""
    for place in session.config.find_links:
        folder = local_path(place)
        if folder is not None and folder.is_dir():
            for path in folder.glob("*.whl"):
                yield index_page.plain(path.name, path.absolute().as_uri())
    for url in session.config.index_urls:
        page_url = f"{url.rstrip('/')}/{name}/"
        if (place_path := local_path(page_url)) is None:
            yield from _page(session, page_url, store)
        elif (page := place_path / "index.html").is_file():
            text = page.read_text("utf-8")
            yield from index_page.parse(text, content_type="text/html", url=page.as_uri())


def _page(session: Session, url: str, store: Path) -> tuple[Link, ...]:
    path = store / f"{hashlib.sha256(url.encode()).hexdigest()}.json"
    kept = _kept(path)
    if kept is None or time.time() - path.stat().st_mtime > PAGE_MAX_AGE_S:
        headers = {"Accept": index_page.ACCEPT}
        if kept is not None and kept["etag"]:
            headers["If-None-Match"] = kept["etag"]
        response = session.get(url, headers)
        if response.status_code in ABSENT:
            return ()
        if response.status_code == NOT_MODIFIED and kept is not None:
            path.touch()
        else:
            kept = {
                "etag": response.headers.get("ETag", ""),
                "type": response.headers.get("Content-Type", ""),
                "url": str(response.url),
                "text": response.text,
            }
            write_atomically(path, json.dumps(kept))
    return index_page.parse(kept["text"], content_type=kept["type"], url=kept["url"])


def _kept(path: Path) -> dict[str, str] | None:
    try:
        kept: dict[str, str] = json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    return kept


def _version(filename: str, name: str) -> Version | None:
    """Return the version of a wheel of that very distribution."""
    try:
        found, version, _, _ = parse_wheel_filename(filename)
    except InvalidWheelFilename:
        return None
    return version if found == canonicalize_name(name) else None


def _offer(version: Version, of_version: Iterable[Link], supported: frozenset[Tag]) -> Offer:
    of_version = tuple(of_version)
    days = [link.uploaded_at.date() for link in of_version if link.uploaded_at]
    yanked = [link.yanked for link in of_version]
    tags = [parse_wheel_filename(link.filename)[3] for link in of_version]
    return Offer(
        version=str(version),
        uploaded=min(days, default=None),
        # Withdrawn is a version of which every file is.
        yanked=None if None in yanked else next((why for why in yanked if why), "no reason given"),
        fits=any(not supported.isdisjoint(some) for some in tags),
    )
