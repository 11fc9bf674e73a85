"""Exports of an OSV database in, by path or address; the entries about some packages out.

All of an export is read, also what is not asked for: one with a hole in it is no proof of anything.
"""

from __future__ import annotations

import hashlib
import ssl
import tempfile
import time
import zipfile
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING
from urllib.parse import urlsplit

import httpx

from dockwright import __version__, console
from dockwright.clients.hashing import CHUNK_BYTES
from dockwright.clients.index_config import masked
from dockwright.clients.registry_reference import is_loopback
from dockwright.clients.transient import caused_by, reason, retrying
from dockwright.errors import ScanError
from dockwright.spec import osv

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet
    from datetime import datetime

    from dockwright.spec.osv import Entry

TIMEOUT_S = 60.0
MAX_ENTRY_BYTES = 32_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Export:
    """One export that was read to its end."""

    origin: str
    sha256: str
    """Of the zip; of a folder, of its files' names and hashes."""
    entries: int
    newest: datetime
    """When the entry that was changed last was."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AdvisoryData:
    """What exports tell."""

    exports: tuple[Export, ...]
    newest: Mapping[str, datetime]
    """By ecosystem, when its entry that was changed last was."""
    entries: tuple[Entry, ...]
    """Those about packages that were asked for."""


def load(
    origins: Sequence[str],
    wanted: AbstractSet[tuple[str, str]],
    *,
    transport: httpx.BaseTransport | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> AdvisoryData:
    """Read exports whole; ScanError where one is missing, empty or has an entry that is none.

    `wanted` are ecosystem and name of packages.
    """
    exports: list[Export] = []
    newest: dict[str, datetime] = {}
    kept: dict[str, Entry] = {}
    for origin in origins:
        times: list[datetime] = []
        digest = hashlib.sha256()
        with console.step(f"read advisories of {masked(origin)}"):
            for name, content in _files(origin, digest, transport, sleep):
                entry = osv.loads(content, name=f"{masked(origin)}: {name}")
                keys = {a.package.key for a in entry.affected if a.package is not None}
                for ecosystem, _ in keys:
                    newest[ecosystem] = max(newest.get(ecosystem, entry.modified), entry.modified)
                known = kept.get(entry.id)
                if not keys.isdisjoint(wanted) and (not known or known.modified < entry.modified):
                    kept[entry.id] = entry
                times.append(entry.modified)
        exports.append(_export(origin, digest.hexdigest(), times))
    return AdvisoryData(exports=tuple(exports), newest=newest, entries=tuple(kept.values()))


def _export(origin: str, sha256: str, times: Sequence[datetime]) -> Export:
    if not times:
        msg = f"{masked(origin)} has no OSV entries, so nothing was scanned: is it an OSV export?"
        raise ScanError(msg)
    return Export(origin=masked(origin), sha256=sha256, entries=len(times), newest=max(times))


def _files(
    origin: str,
    digest: hashlib._Hash,
    transport: httpx.BaseTransport | None,
    sleep: Callable[[float], None],
) -> Iterator[tuple[str, bytes]]:
    """Yield the export's files by name, and put all of its bytes into the digest."""
    path = Path(origin)
    if "://" in origin:
        with tempfile.TemporaryFile() as file:
            with _explained(origin):
                retrying(masked(origin), sleep)(_download, origin, file, transport)
            yield from _zipped(file, origin, digest)
    elif path.is_dir():
        yield from _in_folder(path, digest)
    elif path.is_file():
        with path.open("rb") as file:
            yield from _zipped(file, origin, digest)
    else:
        msg = f"{origin} is no file or folder, so nothing was scanned; --advisories says where"
        raise ScanError(msg)


def _in_folder(folder: Path, digest: hashlib._Hash) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*.json")):
        name, content = str(path.relative_to(folder)), path.read_bytes()
        digest.update(f"{hashlib.sha256(content).hexdigest()}  {name}\n".encode())
        yield name, content


def _zipped(file: IO[bytes], origin: str, digest: hashlib._Hash) -> Iterator[tuple[str, bytes]]:
    file.seek(0)
    while piece := file.read(CHUNK_BYTES):
        digest.update(piece)
    try:
        with zipfile.ZipFile(file) as archive:
            for member in archive.infolist():
                if member.filename.endswith(".json"):
                    yield member.filename, _member(archive, member)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError) as e:
        msg = f"{masked(origin)} is not a whole zip file ({e}), so nothing was scanned"
        raise ScanError(msg) from None


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    with archive.open(member) as file:
        content = file.read(MAX_ENTRY_BYTES + 1)
    if len(content) > MAX_ENTRY_BYTES:
        msg = f"{member.filename} is no advisory: it has more than {MAX_ENTRY_BYTES} bytes"
        raise ScanError(msg)
    return content


def _download(url: str, file: IO[bytes], transport: httpx.BaseTransport | None) -> None:
    """Write what is at an address to a file, with the environment's certificates and proxy."""
    host = urlsplit(url).netloc.rpartition("@")[2]
    file.seek(0)
    file.truncate()
    with (
        httpx.Client(
            transport=transport,
            verify=httpx.create_ssl_context(),
            trust_env=not is_loopback(host),
            timeout=TIMEOUT_S,
            follow_redirects=True,
            headers={"User-Agent": f"dockwright/{__version__}"},
            event_hooks={"request": [_require_https]},
        ) as client,
        client.stream("GET", url) as response,
    ):
        response.raise_for_status()
        for piece in response.iter_bytes():
            file.write(piece)


def _require_https(request: httpx.Request) -> None:
    if request.url.scheme != "https" and not is_loopback(request.url.netloc.decode()):
        msg = f"{masked(str(request.url))} is not https: who changes it hides what is wrong"
        raise ScanError(msg)


@contextmanager
def _explained(url: str) -> Iterator[None]:
    """Turn httpx's errors into a ScanError: without data nothing is known."""
    try:
        yield
    except (httpx.HTTPError, httpx.InvalidURL) as e:
        certificate = caused_by(e, ssl.SSLCertVerificationError)
        remedy = "check the address, the network and the proxy, or give --advisories a copy"
        if certificate is not None:
            remedy = "set SSL_CERT_FILE to the certificates that vouch for it"
        msg = f"{masked(url)} gave no advisories ({reason(e)}), so nothing was scanned; {remedy}"
        raise ScanError(msg) from None
