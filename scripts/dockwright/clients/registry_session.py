"""A registry's host in, an HTTP client for it out: scheme, login, retries, errors in words."""

from __future__ import annotations

import ssl
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING
from urllib.parse import urljoin

import httpx

from dockwright import __version__
from dockwright.clients import docker_credentials
from dockwright.clients.registry_auth import Authorizer
from dockwright.clients.registry_reference import DOCKER_HUB, is_loopback
from dockwright.clients.transient import caused_by, reason, retrying
from dockwright.errors import RegistryError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from datetime import datetime

    from dockwright.clients.docker_credentials import Credential
    from dockwright.clients.registry_auth import Scopes

CONNECT_TIMEOUT_S = 10.0
TIMEOUT_S = 60.0
CONNECTIONS = 8
DOCKER_HUB_API = "registry-1.docker.io"
DETAIL_CHARACTERS = 300
ANY = frozenset(range(400, 500))


@dataclass(frozen=True, kw_only=True, slots=True)
class Session:
    """An open client of one registry, shared by threads."""

    host: str
    base_url: str
    http: httpx.Client = field(repr=False)
    authorizer: Authorizer = field(repr=False)
    insecure: frozenset[str] = frozenset()
    sleep: Callable[[float], None] = time.sleep

    def request(
        self,
        method: str,
        url: str,
        *,
        scopes: Scopes,
        ok: frozenset[int] = frozenset(),
        headers: Mapping[str, str] | None = None,
        content: bytes = b"",
    ) -> httpx.Response:
        """Return the answer, which is a success or one of `ok`; RegistryError otherwise."""
        with explained(self.host):
            retry = retrying(f"{method} {shown(self.absolute(url))}", self.sleep)
            return retry(
                self.send, method, url, scopes=scopes, ok=ok, headers=headers, content=content
            )

    def send(
        self,
        method: str,
        url: str,
        *,
        scopes: Scopes,
        ok: frozenset[int] = frozenset(),
        headers: Mapping[str, str] | None = None,
        content: bytes | Callable[[], Iterable[bytes]] = b"",
        timeout_s: float = TIMEOUT_S,
    ) -> httpx.Response:
        """Try once, logging in when asked to; raise httpx's errors."""

        def attempt(authorization: str | None) -> httpx.Response:
            login = {"Authorization": authorization} if authorization else {}
            return self.http.request(
                method,
                where,
                headers={**(headers or {}), **login},
                content=content() if callable(content) else content,
                follow_redirects=method in {"GET", "HEAD"},
                timeout=httpx.Timeout(timeout_s, connect=CONNECT_TIMEOUT_S),
            )

        where = self._checked(url)
        # An upload may be sent elsewhere by its location: the login stays with the registry.
        is_own = _origin(where) == _origin(httpx.URL(self.base_url))
        used = self.authorizer.header(scopes) if is_own else None
        response = attempt(used)
        if response.status_code == httpx.codes.UNAUTHORIZED and is_own:
            better = self.authorizer.renewed(response, scopes, used)
            response = attempt(better) if better is not None else response
        if response.is_success or response.status_code in ok:
            return response
        raise failure(response)

    def date(self) -> datetime | None:
        """Return the time that the registry's clock shows, if it tells."""
        response = self.request("GET", self.base_url, scopes=(), ok=ANY)
        told = response.headers.get("Date")
        return parsedate_to_datetime(told) if told else None

    @contextmanager
    def streaming(
        self, url: str, *, scopes: Scopes, headers: Mapping[str, str]
    ) -> Iterator[httpx.Response]:
        """Open an answer whose body is yet to be read, trying once; raise httpx's errors."""
        where = self._checked(url)
        used = self.authorizer.header(scopes)
        with ExitStack() as stack:
            response = self._opened(stack, where, headers, used)
            if response.status_code == httpx.codes.UNAUTHORIZED:
                better = self.authorizer.renewed(response, scopes, used)
                if better is not None:
                    response = self._opened(stack, where, headers, better)
            if not response.is_success:
                response.read()
                raise failure(response)
            yield response

    def _opened(
        self, stack: ExitStack, where: httpx.URL, headers: Mapping[str, str], login: str | None
    ) -> httpx.Response:
        return stack.enter_context(
            self.http.stream(
                "GET",
                where,
                # Packed as they are: their digest is of these bytes.
                headers={
                    "Accept-Encoding": "identity",
                    **headers,
                    **({"Authorization": login} if login else {}),
                },
                follow_redirects=True,
                timeout=httpx.Timeout(TIMEOUT_S, connect=CONNECT_TIMEOUT_S),
            )
        )

    def absolute(self, url: str) -> httpx.URL:
        """Return the address of a path or of a location that the registry gave."""
        return httpx.URL(urljoin(self.base_url, url))

    def _checked(self, url: str) -> httpx.URL:
        where = self.absolute(url)
        netloc = where.netloc.decode()
        if where.scheme == "https" or is_loopback(netloc) or netloc in self.insecure:
            return where
        msg = f"{self.host} leads to {shown(where)}: not over https, so nothing was sent there"
        raise RegistryError(msg)


@contextmanager
def session(
    host: str,
    *,
    insecure: frozenset[str] = frozenset(),
    transport: httpx.BaseTransport | None = None,
    find_credential: Callable[[str], Credential | None] = docker_credentials.find,
) -> Iterator[Session]:
    """Open a client that honours the environment's certificates and proxy.

    Hosts in `insecure` and this machine's loopback may answer without https.
    """
    api_host = DOCKER_HUB_API if host == DOCKER_HUB else host
    with httpx.Client(
        transport=transport,
        verify=httpx.create_ssl_context(),  # by SSL_CERT_FILE, also where no proxy is wanted
        trust_env=not is_loopback(host),
        limits=httpx.Limits(max_connections=CONNECTIONS),
        headers={"User-Agent": f"dockwright/{__version__}"},
    ) as client:
        may_be_plain = is_loopback(host) or host in insecure
        scheme = "http" if may_be_plain and not _speaks_tls(client, api_host) else "https"
        authorizer = Authorizer(
            http=client, host=host, find_credential=find_credential, insecure=insecure
        )
        yield Session(
            host=host,
            base_url=f"{scheme}://{api_host}/v2/",
            http=client,
            authorizer=authorizer,
            insecure=insecure,
        )


@contextmanager
def explained(host: str) -> Iterator[None]:
    """Turn httpx's errors into a RegistryError that says what to do and holds no secret."""
    try:
        yield
    except httpx.HTTPStatusError as e:
        raise RegistryError(_refusal(e.response, host)) from None
    except httpx.HTTPError as e:
        certificate = caused_by(e, ssl.SSLCertVerificationError)
        remedy = "check the address, the network and the proxy settings"
        if certificate is not None:
            remedy = "set SSL_CERT_FILE to the certificates that vouch for it"
        msg = f"{host} cannot be reached ({type(e).__name__}: {reason(e)}); {remedy}"
        raise RegistryError(msg) from None


def shown(url: httpx.URL) -> str:
    """Return an address for people: queries and user parts may hold secrets."""
    return f"{url.scheme}://{url.netloc.decode()}{url.path}"


def failure(response: httpx.Response) -> httpx.HTTPStatusError:
    """Return the error for an answer: `explained` puts it in words."""
    status = str(response.status_code)
    return httpx.HTTPStatusError(status, request=response.request, response=response)


def error_codes(response: httpx.Response) -> tuple[str, ...]:
    """Return the codes of a registry's error document, such as MANIFEST_UNKNOWN."""
    return tuple(code for code, _ in _errors(response))


def _refusal(response: httpx.Response, host: str) -> str:
    request, status = response.request, response.status_code
    said = "; ".join(f"{code}: {message}".strip(": ") for code, message in _errors(response))
    printable = "".join(c if c.isprintable() else " " for c in said)[:DETAIL_CHARACTERS]
    hint = {
        401: f"; log in with `docker login {host}`, or check what the login may do",
        403: "; the login lacks the right to do this",
        404: "; check the name, and whether the repository has to be created first",
        413: "; the registry or a proxy before it limits sizes",
        429: "; the registry limits the rate: try again later",
    }.get(status, "; the registry's log says more" if status >= 500 else "")
    detail = f" ({printable})" if printable else ""
    where = shown(request.url)
    return f"{request.method} {where} answered {status} {response.reason_phrase}{detail}{hint}"


def _errors(response: httpx.Response) -> Iterator[tuple[str, str]]:
    try:
        errors = response.json()["errors"]
        yield from [(str(e.get("code", "")), str(e.get("message", ""))) for e in errors]
    except (ValueError, KeyError, TypeError, AttributeError, httpx.ResponseNotRead):
        return


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


def _speaks_tls(client: httpx.Client, host: str) -> bool:
    """Tell whether a host that need not speaks TLS; a bad certificate is no reason to go without."""
    try:
        client.get(f"https://{host}/v2/", timeout=CONNECT_TIMEOUT_S)
    except httpx.HTTPError as e:
        return caused_by(e, ssl.SSLCertVerificationError) is not None
    return True
