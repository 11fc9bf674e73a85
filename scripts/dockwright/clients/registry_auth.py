"""A registry's 401 in, the Authorization header that it wants out: Basic, or a fetched token."""

from __future__ import annotations

import base64
import re
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import httpx

from dockwright import __version__
from dockwright.clients.registry_reference import is_loopback
from dockwright.errors import RegistryError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dockwright.clients.docker_credentials import Credential

PARAMETER = re.compile(r'([A-Za-z_]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')
BASIC = "basic"

Fields = list[tuple[str, str | int | float | bool | None]]

Scopes = tuple[str, ...]
"""What a token is asked for, such as `repository:name:pull,push`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Challenge:
    """What a 401 asks for."""

    scheme: str
    parameters: Mapping[str, str]


@dataclass(kw_only=True, slots=True)
class Authorizer:
    """The headers that were valid last, by what they allow; threads share it."""

    http: httpx.Client
    host: str
    find_credential: Callable[[str], Credential | None]
    insecure: frozenset[str] = frozenset()
    _headers: dict[Scopes | str, str] = field(default_factory=dict, repr=False)
    _credential: list[Credential | None] = field(default_factory=list, repr=False)
    _lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    def header(self, scopes: Scopes) -> str | None:
        """Return the header to send unasked."""
        return self._headers.get(scopes) or self._headers.get(BASIC)

    def renewed(self, response: httpx.Response, scopes: Scopes, used: str | None) -> str | None:
        """Return a header that answers a 401, or None when there is no better one than `used`."""
        with self._lock:
            current = self.header(scopes)
            if current != used:  # another thread was here first
                return current
            challenge = _pick(response)
            if challenge is None:
                return None
            if challenge.scheme == BASIC:
                return self._basic(used)
            token = self._token(challenge, scopes)
            self._headers[scopes] = f"Bearer {token}"
            return self._headers[scopes]

    @property
    def credential(self) -> Credential | None:
        """The login for the host, looked up once: helpers are slow."""
        with self._lock:
            if not self._credential:
                self._credential.append(self.find_credential(self.host))
            return self._credential[0]

    def _basic(self, used: str | None) -> str | None:
        if self.credential is None or used is not None:
            return None
        login = f"{self.credential.username}:{self.credential.secret}"
        self._headers[BASIC] = f"Basic {base64.b64encode(login.encode()).decode()}"
        return self._headers[BASIC]

    def _token(self, challenge: Challenge, scopes: Scopes) -> str:
        realm = self._checked_realm(challenge.parameters.get("realm", ""))
        asked = challenge.parameters.get("scope", "").split()
        fields: Fields = [("scope", scope) for scope in dict.fromkeys((*scopes, *asked))]
        if service := challenge.parameters.get("service"):
            fields.insert(0, ("service", service))
        response = self._ask(realm, fields)
        if response.status_code in {400, 401, 403}:
            msg = f"{self.host}: the login was refused; run `docker login {self.host}`"
            raise RegistryError(msg)
        response.raise_for_status()
        try:
            answer = response.json()
            return str(answer.get("token") or answer["access_token"])
        except (ValueError, KeyError, AttributeError):
            msg = f"{self.host}: its token service {realm.host} gave no token"
            raise RegistryError(msg) from None

    def _ask(self, realm: httpx.URL, fields: Fields) -> httpx.Response:
        url = realm.copy_merge_params(httpx.QueryParams(fields))
        if self.credential is None:
            return self.http.get(url)
        if not self.credential.is_identity_token:
            return self.http.get(url, auth=(self.credential.username, self.credential.secret))
        form = {
            "grant_type": "refresh_token",
            "refresh_token": self.credential.secret,
            "client_id": f"dockwright-{__version__}",
            "service": url.params.get("service", ""),
            "scope": " ".join(url.params.get_list("scope")),
        }
        return self.http.post(realm, data=form)

    def _checked_realm(self, realm: str) -> httpx.URL:
        """Return the token service's address; a login is never sent unencrypted to strangers."""
        try:
            url = httpx.URL(realm)
        except httpx.InvalidURL:
            url = httpx.URL()
        netloc = url.netloc.decode()
        is_plain_allowed = is_loopback(netloc) or netloc in self.insecure
        if not (url.scheme == "https" or (url.scheme == "http" and is_plain_allowed)):
            msg = f"{self.host} wants its login sent to {url.scheme}://{netloc}: not over https"
            raise RegistryError(msg)
        return url


def challenges(header: str) -> tuple[Challenge, ...]:
    """Return what a WWW-Authenticate header offers, in its order.

    >>> challenges('Bearer realm="https://a/t",service="r"')[0].parameters["service"]
    'r'
    """
    found = []
    for match in re.finditer(r"(?:^|,)\s*(Basic|Bearer)\s+", header, re.IGNORECASE):
        rest = re.split(r",\s*(?:Basic|Bearer)\s+", header[match.end() :], flags=re.IGNORECASE)[0]
        parameters = {
            name.lower(): re.sub(r"\\(.)", r"\1", quoted) or plain
            for name, quoted, plain in PARAMETER.findall(rest)
        }
        found.append(Challenge(scheme=match[1].lower(), parameters=parameters))
    return tuple(found)


def _pick(response: httpx.Response) -> Challenge | None:
    headers = response.headers.get_list("WWW-Authenticate")
    offered = [challenge for header in headers for challenge in challenges(header)]
    return min(offered, key=lambda challenge: challenge.scheme == BASIC, default=None)
