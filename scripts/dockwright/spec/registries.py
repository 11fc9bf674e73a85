"""buildspec/registries.yml and a word of the command line in; the registry that is meant out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, StringConstraints, ValidationError, model_validator

from dockwright.errors import ManifestError
from dockwright.spec.model import Model, Word
from dockwright.spec.parsing import near, parse

if TYPE_CHECKING:
    from pathlib import Path

FILE = "registries.yml"
Place = Annotated[
    str,
    StringConstraints(
        pattern=r"^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?"
        r"(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$",
        max_length=200,
    ),
]
KeyFile = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]*\.pub$")]
WORD = re.compile(r"[a-z][a-z0-9-]*")


class MediaTypes(StrEnum):
    """What kinds of image manifest a registry's users can take."""

    DOCKER = "docker"
    """Docker v2 schema 2 only, as SageMaker wants it."""
    ANY = "any"


class Requirement(StrEnum):
    """What must be proven of an image before it is promoted into a registry."""

    SMOKE = "smoke"
    BENCH = "bench"
    SIGNATURE = "signature"
    """Proofs count only when the registry's key, or identity, has signed them."""


class Identity(Model):
    """Who signs without a key, as CI's certificates name it."""

    subject: Annotated[str, Field(min_length=1, description="such as a workflow's address")]
    issuer: Annotated[str, Field(min_length=1, description="who vouches for it, an address")]

    def __str__(self) -> str:
        return f"{self.subject} ({self.issuer})"


class Registry(Model):
    """One place that images go to, and what goes there."""

    place: Place
    media_types: MediaTypes = MediaTypes.DOCKER
    requires: tuple[Requirement, ...] = (Requirement.SMOKE,)
    key: Annotated[KeyFile | None, Field(description="the public key, a file beside this one")] = (
        None
    )
    identity: Annotated[
        Identity | None, Field(description="who signs, where that is done without a key")
    ] = None
    retention_days: Annotated[
        int | None,
        Field(gt=0, description="how long images are kept; the registry's own rules remove them"),
    ] = None

    @model_validator(mode="after")
    def _consistent(self) -> Registry:
        if Requirement.SMOKE not in self.requires:
            msg = "requires has no smoke: nothing untested is promoted"
            raise ValueError(msg)
        if Requirement.SIGNATURE in self.requires and self.trusted is None:
            msg = "a signature is required, so `key` or `identity` has to say whose is trusted"
            raise ValueError(msg)
        if self.key is not None and self.identity is not None:
            msg = "name `key` or `identity`, not both: one of them is trusted"
            raise ValueError(msg)
        return self

    @property
    def trusted(self) -> str | Identity | None:
        """Whose signatures count: the name of a public key's file, or an identity."""
        return self.key or self.identity


class Registries(Model):
    """buildspec/registries.yml: the registries that commands know by name."""

    registries: Annotated[dict[Word, Registry], Field(min_length=1)]


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """A registry as a command was given it."""

    name: str
    """As it was typed: of registries.yml, or a place."""
    registry: Registry

    @property
    def place(self) -> str:
        return self.registry.place

    @property
    def host(self) -> str:
        return self.place.partition("/")[0]

    def repository(self, name: str) -> str:
        """Return a repository's name in the registry, below the registry's path."""
        path = self.place.partition("/")[2]
        return f"{path}/{name}" if path else name


def load(buildspec_path: Path) -> dict[str, Registry]:
    """Read the registries; none where the file is not there."""
    path = buildspec_path / FILE
    if not path.is_file():
        return {}
    document, parsed = parse(path, Registries)
    if parsed is None:
        raise ManifestError("\n".join(str(problem) for problem in document.problems))
    return dict(parsed.registries)


def places_beside(buildspec_path: Path, target: Target) -> tuple[str, ...]:
    """Return the target's place, then others on its host where images may be, and so their layers."""
    named = (registry.place for registry in load(buildspec_path).values())
    on_host = (place for place in named if place.partition("/")[0] == target.host)
    return tuple(dict.fromkeys((target.place, *on_host)))


def find(buildspec_path: Path, text: str) -> Target:
    """Return the registry that a name or `HOST[/PATH]` means; ManifestError for an unknown name."""
    named = load(buildspec_path)
    if text in named:
        return Target(name=text, registry=named[text])
    if WORD.fullmatch(text) and text != "localhost":
        hint = near(text, named) or f"; it has {', '.join(named) or 'none'}"
        msg = f"no registry {text!r} in buildspec/{FILE}{hint}; or write HOST[/PATH]"
        raise ManifestError(msg)
    try:
        registry = Registry(place=text.rstrip("/"))
    except ValidationError:
        msg = f"{text!r} is no place for images; write HOST[/PATH], such as ghcr.io/team"
        raise ManifestError(msg) from None
    return Target(name=text, registry=registry)
