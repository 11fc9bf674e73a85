"""A text such as `host:5000/name:tag@sha256:…` in, its checked parts out."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, replace

from dockwright.errors import RegistryError

LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
HOST = re.compile(rf"(?:{LABEL}(?:\.{LABEL})*|\[[0-9A-Fa-f:.]+\])(?::[0-9]{{1,5}})?")
COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
REPOSITORY = re.compile(rf"{COMPONENT}(?:/{COMPONENT})*")
TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
REPOSITORY_CHARACTERS = 255
DOCKER_HUB = "docker.io"


@dataclass(frozen=True, kw_only=True, slots=True)
class Reference:
    """An image, or with neither tag nor digest a repository, in a registry."""

    host: str
    repository: str
    tag: str | None = None
    digest: str | None = None

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.host}/{self.repository}{tag}{digest}"

    @property
    def target(self) -> str:
        """What the registry is asked for: the digest if there is one, else the tag."""
        return self.digest or self.tag or "latest"

    def tagged(self, tag: str) -> Reference:
        """Return the same repository's reference with a tag and no digest."""
        return parse(str(replace(self, tag=tag, digest=None)))


def parse(text: str) -> Reference:
    """Return the parts of a reference; its host must be written out.

    >>> parse("localhost:5000/a/b:1.0").target
    '1.0'
    """
    name, _, digest = text.partition("@")
    host, _, rest = name.partition("/")
    repository, _, tag = rest.partition(":")
    if not rest or not looks_like_host(host):
        msg = f"{text!r} names no registry; write host/repository:tag, such as docker.io/you/name:1"
        raise RegistryError(msg)
    for what, value, pattern, needed in (
        ("host", host, HOST, True),
        ("repository", repository, REPOSITORY, True),
        ("tag", tag, TAG, ":" in rest),
        ("digest", digest, DIGEST, "@" in text),
    ):
        if (value or needed) and not pattern.fullmatch(value):
            msg = f"{text!r}: the {what} {value!r} is not written as registries take it"
            raise RegistryError(msg)
    if len(repository) > REPOSITORY_CHARACTERS:
        msg = f"{text!r}: a repository's name has at most {REPOSITORY_CHARACTERS} characters"
        raise RegistryError(msg)
    return Reference(host=host, repository=repository, tag=tag or None, digest=digest or None)


def is_loopback(host: str) -> bool:
    """Tell whether a host (with or without port) is this very machine."""
    name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"


def looks_like_host(text: str) -> bool:
    """Tell whether what stands before the first slash is a registry's host, and no folder."""
    return text == "localhost" or any(mark in text for mark in ".:")
