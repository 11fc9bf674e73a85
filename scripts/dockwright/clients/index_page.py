"""A package index's or find-links page in (PEP 691 JSON or PEP 503 HTML), the files it lists out."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from html.parser import HTMLParser
from typing import TYPE_CHECKING
from urllib.parse import urldefrag, urljoin, urlsplit

from dockwright.clients.wheel_files import SHA256, filename_of

if TYPE_CHECKING:
    from collections.abc import Iterator

ACCEPT = (
    "application/vnd.pypi.simple.v1+json, "
    "application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """A file that an index offers; sha256 and size are None where the index does not say."""

    filename: str
    url: str = field(repr=False)
    sha256: str | None
    size_bytes: int | None
    uploaded_at: datetime | None = None
    yanked: str | None = None
    """Why it was withdrawn, if it was."""


def plain(filename: str, url: str) -> Link:
    """Return a file of which nothing but its place is known."""
    return Link(filename=filename, url=url, sha256=None, size_bytes=None)


def parse(text: str, *, content_type: str, url: str) -> tuple[Link, ...]:
    """Return the links of a page that came from `url`; entries that make no sense are left out."""
    is_json = content_type.partition(";")[0].strip().lower().endswith("json")
    links = _from_json(text, url) if is_json else _from_html(text, url)
    # A page from the network may not point into this host's file system.
    schemes = ("http", "https", "file") if urlsplit(url).scheme == "file" else ("http", "https")
    return tuple(link for link in links if urlsplit(link.url).scheme in schemes)


def _from_json(text: str, page_url: str) -> Iterator[Link]:
    try:
        page = json.loads(text)
    except ValueError:
        return
    files = page.get("files") if isinstance(page, dict) else None
    for file in files if isinstance(files, list) else []:
        if not isinstance(file, dict):
            continue
        filename, url = file.get("filename"), file.get("url")
        hashes, size = file.get("hashes"), file.get("size")
        if isinstance(filename, str) and isinstance(url, str):
            yield Link(
                filename=filename,
                url=urljoin(page_url, url),
                sha256=_sha256(hashes.get("sha256")) if isinstance(hashes, dict) else None,
                size_bytes=size if isinstance(size, int) else None,
                uploaded_at=_instant(file.get("upload-time")),
                yanked=_yanked(file.get("yanked")),
            )


def _from_html(text: str, page_url: str) -> Iterator[Link]:
    anchors = _Anchors()
    anchors.feed(text)
    base = urljoin(page_url, anchors.base)
    for href, yanked in anchors.links:
        url, fragment = urldefrag(urljoin(base, href))
        algorithm, _, digest = fragment.partition("=")
        yield Link(
            filename=filename_of(url),
            url=url,
            sha256=_sha256(digest) if algorithm == "sha256" else None,
            size_bytes=None,
            yanked=yanked,
        )


def _instant(text: object) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None


def _yanked(told: object) -> str | None:
    """Return the reason of PEP 592, which may be a plain true."""
    if isinstance(told, str):
        return told or "no reason given"
    return "no reason given" if told is True else None


def _sha256(text: object) -> str | None:
    found = text.lower() if isinstance(text, str) else ""
    return found if SHA256.fullmatch(found) else None


class _Anchors(HTMLParser):
    """Collects where a page's anchors point."""

    def __init__(self) -> None:
        super().__init__()
        self.base = ""
        self.links: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        href = told.get("href")
        if href and tag == "base":
            self.base = href
        elif href and tag == "a":
            # An attribute without a value counts: it is there.
            yanked = _yanked(told["data-yanked"] or "") if "data-yanked" in told else None
            self.links.append((href, yanked))
