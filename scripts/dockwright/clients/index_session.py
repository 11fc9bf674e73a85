"""An IndexConfig in, a polite HTTP client for package indexes out: its errors, retries, secrets."""

from __future__ import annotations

import netrc
import os
import ssl
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit, urlunsplit

import httpx

from dockwright import __version__, console
from dockwright.clients import transient
from dockwright.clients.index_config import masked, places, settings
from dockwright.clients.transient import reason
from dockwright.errors import NetworkError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import tenacity

    from dockwright.clients.index_config import IndexConfig

CONNECT_TIMEOUT_S = 10.0
PROBE_TIMEOUT_S = 5.0
CONNECTIONS = 8
ABSENT = frozenset({404, 410})
NOT_MODIFIED = 304


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """An open client, shared by threads."""

    http: httpx.Client
    config: IndexConfig
    sleep: Callable[[float], None] = time.sleep

    def auth(self, url: str) -> httpx.BasicAuth | None:
        """Return the credentials for an address: its own, its index's, or netrc's."""
        parts = urlsplit(url)
        same_host = (
            index
            for index in map(urlsplit, (*self.config.index_urls, *self.config.find_links))
            if (index.scheme, index.hostname, index.port)
            == (parts.scheme, parts.hostname, parts.port)
        )
        for place in (parts, *same_host):
            if place.username:
                return httpx.BasicAuth(unquote(place.username), unquote(place.password or ""))
        return _netrc_auth(parts.hostname or "")

    def retrying(self, what: str) -> tenacity.Retrying:
        """Return the loop that tries again what failed for a passing reason, and says so."""
        return transient.retrying(what, self.sleep)

    def get(self, url: str, headers: Mapping[str, str]) -> httpx.Response:
        """Return the answer to a GET, "not found" and "not modified" included; NetworkError for any other failure."""
        with explained(url):
            return self.retrying(masked(url))(self._get_once, url, headers)

    def _get_once(self, url: str, headers: Mapping[str, str]) -> httpx.Response:
        response = self.http.get(bare(url), headers=dict(headers), auth=self.auth(url))
        is_answer = response.status_code in {*ABSENT, NOT_MODIFIED}
        return response if is_answer else response.raise_for_status()


@contextmanager
def session(
    config: IndexConfig, *, transport: httpx.BaseTransport | None = None
) -> Iterator[Session]:
    """Open a client that honours the host's certificates, proxy, trusted hosts and time-out.

    Further indexes are probed once; those that do not answer are left out, with a warning.
    """
    with httpx.Client(
        transport=transport,
        verify=_ssl_context(config),
        proxy=None if transport else config.proxy,
        mounts={} if transport else _trusting_mounts(config),
        timeout=httpx.Timeout(config.timeout_s, connect=min(CONNECT_TIMEOUT_S, config.timeout_s)),
        limits=httpx.Limits(max_connections=CONNECTIONS),
        follow_redirects=True,
        headers={"User-Agent": f"dockwright/{__version__}"},
    ) as client:
        yield _reachable_only(Session(http=client, config=config))


@contextmanager
def explained(url: str) -> Iterator[None]:
    """Turn httpx's errors into a NetworkError that names the address without its credentials."""
    try:
        yield
    except httpx.HTTPStatusError as e:
        status = e.response.status_code
        hint = ""
        if status in {401, 403, 407}:
            hint = "; put credentials in netrc or in the index's address"
        msg = f"{masked(url)} answered {status} {e.response.reason_phrase}{hint}"
        raise NetworkError(msg) from None
    except httpx.HTTPError as e:
        why = f"{type(e).__name__}: {reason(e)}"
        msg = f"{masked(url)} cannot be reached ({why}); check pip's or uv's index and proxy"
        raise NetworkError(msg) from None


def _reachable_only(session: Session) -> Session:
    """Return the session without further indexes that do not answer: find-links may do instead."""
    config = session.config
    lost = tuple(index for index in config.further if not _answers(index.url, session))
    for index in lost:
        console.warn(
            f"index {index.name} ({masked(index.url)}) cannot be reached from here and is left "
            f"out; if a wheel is missing, set {index.variable} to a mirror of it"
        )
    kept = tuple(index for index in config.further if index not in lost)
    return replace(session, config=replace(config, further=kept, unreachable=lost))


def bare(url: str) -> str:
    """Return the address without credentials: they go into a header, where nothing logs them."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _answers(url: str, session: Session) -> bool:
    if not url.startswith(("http://", "https://")):
        return True
    try:
        with session.http.stream(
            "GET", bare(url), auth=session.auth(url), timeout=PROBE_TIMEOUT_S
        ) as response:
            # Any answer short of a server error shows that the index is there.
            return response.status_code < 500
    except httpx.HTTPError as e:
        console.debug(f"{masked(url)}: {type(e).__name__}: {reason(e)}")
        return False


def not_found(what: str, config: IndexConfig, remarks: Sequence[str] = ()) -> NetworkError:
    """Return the error for a file that no place has: it names the places and the settings."""
    said = f" ({'; '.join(remarks)})" if remarks else ""
    msg = f"{what} is in none of {places(config)}{said}; change {settings(config)}"
    return NetworkError(msg)


def _ssl_context(config: IndexConfig) -> ssl.SSLContext:
    if config.cert_path is None:
        context = httpx.create_ssl_context()
    else:
        context = ssl.create_default_context(cafile=_readable(config.cert_path))
    if config.client_cert_path is not None:
        context.load_cert_chain(_readable(config.client_cert_path))
    return context


def _readable(path: Path) -> str:
    if not path.is_file():
        msg = f"{path}: the certificate file that pip's, uv's or the SSL setting names is missing"
        raise NetworkError(msg)
    return str(path)


def _trusting_mounts(config: IndexConfig) -> dict[str, httpx.BaseTransport | None]:
    """Return transports that skip certificate checks for the hosts which the user trusts."""
    return {
        f"https://{host}": httpx.HTTPTransport(verify=False, proxy=config.proxy)
        for host in config.trusted_hosts
    }


def _netrc_auth(host: str) -> httpx.BasicAuth | None:
    path = Path(os.environ.get("NETRC") or Path.home() / ".netrc")
    try:
        found = netrc.netrc(path).authenticators(host)
    except (OSError, netrc.NetrcParseError):
        return None
    return httpx.BasicAuth(found[0], found[2] or "") if found else None
