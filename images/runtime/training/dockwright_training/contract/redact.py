"""Hyperparameters and environment in; which of their values are secrets, and texts without them, out.

What looks secret by its name is passed to the script and told to nobody else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

HIDDEN = "***"
_SECRET_WORDS = frozenset({"auth", "authorization", "cookie", "key", "pass", "pwd", "token"})
_SECRET_PARTS = (
    *("password", "passwd", "passphrase", "secret", "credential"),
    *("apikey", "accesskey", "privatekey", "authtoken", "accesstoken", "hftoken"),
)
_WORD = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z0-9]+")
_USER_INFO = re.compile(r"(\b[A-Za-z][A-Za-z0-9+.-]*://)[^\s/@'\"]+@")
_SIGNED = re.compile(
    r"([?&][\w.-]*(?:token|signature|key|secret|password|credential)[\w.-]*=)[^&\s'\"]+",
    re.IGNORECASE,
)
_MIN_CHARACTERS = 8
"""A shorter value is hidden beside its name only: `a` is in every text."""


def is_secret(name: str) -> bool:
    """Tell whether a value of that name is nobody else's business.

    >>> [is_secret(n) for n in ("hub_token", "WANDB_API_KEY", "apiKey", "my-password")]
    [True, True, True, True]
    >>> [is_secret(n) for n in ("max_new_tokens", "tokenizer_name", "epochs", "keyboard")]
    [False, False, False, False]
    """
    compact = re.sub(r"[^a-z0-9]", "", name.lower())
    if any(part in compact for part in _SECRET_PARTS):
        return True
    return not _SECRET_WORDS.isdisjoint(word.lower() for word in _WORD.findall(name))


@dataclass(frozen=True, slots=True)
class Secrets:
    """What must not be told."""

    values: tuple[str, ...] = ()
    """The longest first: one may be part of another."""

    def out_of(self, text: str) -> str:
        """Return the text with *** in place of secrets, and of passwords within addresses."""
        for value in self.values:
            text = text.replace(value, HIDDEN)
        return _SIGNED.sub(rf"\1{HIDDEN}", _USER_INFO.sub(rf"\1{HIDDEN}@", text))


def secrets(*named: Mapping[str, object]) -> Secrets:
    """Return the secrets among named values; nested ones are found as well."""
    found = {value for values in named for value in _of(values, hidden=False)}
    return Secrets(tuple(sorted(found, key=lambda value: (-len(value), value))))


def _of(value: object, *, hidden: bool) -> Iterator[str]:
    match value:
        case Mapping():
            for name, inner in value.items():
                yield from _of(inner, hidden=hidden or is_secret(str(name)))
        case list():
            for inner in value:
                yield from _of(inner, hidden=hidden)
        case str() | int() | float() if hidden and len(str(value)) >= _MIN_CHARACTERS:
            yield str(value)


def shown(given: Mapping[str, object]) -> dict[str, object]:
    """Return hyperparameters as they may be told: *** for the values of secret names.

    >>> shown({"epochs": 3, "hub_token": "hf_x", "use_auth_token": True})
    {'epochs': 3, 'hub_token': '***', 'use_auth_token': True}
    """
    return {name: HIDDEN if _is_hidden(name, value) else value for name, value in given.items()}


def _is_hidden(name: str, value: object) -> bool:
    return is_secret(name) and not isinstance(value, bool) and value not in (None, "")
