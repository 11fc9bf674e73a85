"""A registry's host in, the login that Docker's configuration and credential helpers know out."""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dockwright import process
from dockwright.clients.registry_reference import DOCKER_HUB
from dockwright.errors import ProcessError, RegistryError

DOCKER_HUB_KEY = "https://index.docker.io/v1/"
HELPER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
HELPER_TIMEOUT_S = 60
NOT_FOUND = "credentials not found"
TOKEN_USER = "<token>"  # noqa: S105 - what helpers say instead of a user's name


@dataclass(frozen=True, kw_only=True, slots=True)
class Credential:
    """A user's secret, or an identity token that buys access tokens."""

    username: str = field(repr=False)
    secret: str = field(repr=False)
    is_identity_token: bool = False


def find(host: str) -> Credential | None:
    """Return the login for a registry: its own helper's, the store's, or the file's."""
    path = config_path()
    config = _load(path)
    key = DOCKER_HUB_KEY if host == DOCKER_HUB else host
    helper = _mapping(config, "credHelpers").get(key) or config.get("credsStore")
    if helper and (found := _ask(str(helper), key)):
        return found
    for stored, entry in _mapping(config, "auths").items():
        if stored == key or _hostname(stored) == _hostname(key):
            return _from_entry(entry, path, stored)
    return None


def config_path() -> Path:
    """Return where Docker's client keeps its configuration."""
    folder = os.environ.get("DOCKER_CONFIG")
    return (Path(folder) if folder else Path.home() / ".docker") / "config.json"


def _load(path: Path) -> dict[str, Any]:
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as e:
        # The parser's own message may quote the text, and the text is secrets.
        msg = f"{path} cannot be read ({type(e).__name__}); mend it or log in again"
        raise RegistryError(msg) from None
    return config if isinstance(config, dict) else {}


def _mapping(config: dict[str, Any], key: str) -> dict[str, Any]:
    value = config.get(key)
    return value if isinstance(value, dict) else {}


def _ask(helper: str, key: str) -> Credential | None:
    if not HELPER_NAME.fullmatch(helper):
        msg = f"{config_path()}: {helper!r} is no name of a credential helper"
        raise RegistryError(msg)
    program = f"docker-credential-{helper}"
    try:
        answer = process.run((program, "get"), stdin=key, timeout_s=HELPER_TIMEOUT_S)
    except ProcessError as e:
        if NOT_FOUND in str(e):
            return None
        # What the helper printed may hold secrets; what failed can be tried by hand.
        msg = f"{program} gave no login for {key}; try `echo {key} | {program} get`"
        if "is not installed" in str(e):
            msg = f"{program} is not installed, and {config_path()} names it for {key}"
        raise RegistryError(msg) from None
    try:
        login = json.loads(answer)
        return _credential(login["Username"], login["Secret"])
    except (ValueError, KeyError, TypeError):
        msg = f"{program} answered for {key} in a form that is not a helper's"
        raise RegistryError(msg) from None


def _credential(username: str, secret: str) -> Credential:
    is_token = username == TOKEN_USER
    return Credential(username=username, secret=secret, is_identity_token=is_token)


def _from_entry(entry: object, path: Path, stored: str) -> Credential | None:
    """Return the login of one entry of `auths`; an empty entry says that a helper has it."""
    if not isinstance(entry, dict):
        return None
    if token := entry.get("identitytoken"):
        return _credential(TOKEN_USER, str(token))
    if entry.get("username"):
        return _credential(str(entry["username"]), str(entry.get("password", "")))
    if not entry.get("auth"):
        return None
    try:
        username, colon, secret = base64.b64decode(entry["auth"]).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError, TypeError):
        username = colon = secret = ""
    if not colon:
        msg = f"{path}: the login stored for {stored} cannot be read; log in again"
        raise RegistryError(msg)
    return _credential(username, secret.rstrip("\0"))


def _hostname(stored: str) -> str:
    return re.sub(r"^https?://", "", stored).partition("/")[0]
