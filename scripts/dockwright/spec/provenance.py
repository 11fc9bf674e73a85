"""The bytes of a provenance document in; what it says of which image out."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dockwright.errors import RecordError

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://slsa.dev/provenance/v1"
BUILD_TYPE = "urn:dockwright:image:v1"
BUILDER = "urn:dockwright:builder:"


class _Part(BaseModel):
    """Others may add what they like: only what is read here has to be there."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore", defer_build=True)


class Resource(_Part):
    """Something by its hash."""

    name: str
    digest: dict[str, str]
    uri: str | None = None
    annotations: dict[str, Any] = {}


class External(_Part):
    identifier: str


class Internal(_Part):
    python: str


class Definition(_Part):
    build_type: Annotated[str, Field(alias="buildType")]
    external: Annotated[External, Field(alias="externalParameters")]
    internal: Annotated[Internal, Field(alias="internalParameters")]
    dependencies: Annotated[tuple[Resource, ...], Field(alias="resolvedDependencies")]


class Builder(_Part):
    id: str


class Run(_Part):
    builder: Builder


class Predicate(_Part):
    definition: Annotated[Definition, Field(alias="buildDefinition")]
    run: Annotated[Run, Field(alias="runDetails")]


class Statement(_Part):
    """What was built, from what and by what."""

    type: Annotated[str, Field(alias="_type")]
    subject: tuple[Resource, ...]
    predicate_type: Annotated[str, Field(alias="predicateType")]
    predicate: Predicate

    @property
    def digests(self) -> frozenset[str]:
        """The sha256 of what was built."""
        return frozenset(subject.digest.get("sha256", "") for subject in self.subject)

    @property
    def source(self) -> str:
        """The commit in words, and that of an overlay where there is one."""
        told = []
        for found in self.predicate.definition.dependencies:
            if commit := found.digest.get("gitCommit"):
                whose = "" if found.name == "source" else f"{found.name} at "
                state = "" if found.annotations.get("clean") is True else ", with changes beside it"
                told.append(f"{whose}commit {commit}{state}")
        return "; ".join(told) or "a copy without history"

    @property
    def base_layers(self) -> dict[str, str]:
        """The digests of the layers of Debian packages, by name."""
        return {
            found.name: f"sha256:{found.digest['sha256']}"
            for found in self.predicate.definition.dependencies
            if found.uri is None and "sha256" in found.digest
        }

    @property
    def folders(self) -> tuple[str, ...]:
        """Where archives were unpacked."""
        found = self.predicate.definition.dependencies
        return tuple(str(r.annotations["folder"]) for r in found if "folder" in r.annotations)

    @property
    def wheels(self) -> dict[str, str]:
        """The sha256 of every Python distribution's file, by file name."""
        return {
            found.name: found.digest.get("sha256", "")
            for found in self.predicate.definition.dependencies
            if found.uri and found.uri.startswith("pkg:pypi/")
        }

    @property
    def records(self) -> dict[str, str]:
        """The sha256 of every RECORD that the image must have, by path from the root."""
        return {
            path: sha256
            for found in self.predicate.definition.dependencies
            for path, sha256 in found.annotations.get("records", {}).items()
        }


def loads(content: bytes) -> Statement:
    """Read a statement; RecordError when it is not SLSA v1 provenance of ours."""
    try:
        statement = Statement.model_validate_json(content)
    except ValidationError as e:
        first = e.errors(include_url=False)[0]
        msg = f"it is no provenance: {'.'.join(map(str, first['loc']))}: {first['msg']}"
        raise RecordError(msg) from None
    kinds = (statement.type, statement.predicate_type, statement.predicate.definition.build_type)
    if kinds != (STATEMENT_TYPE, PREDICATE_TYPE, BUILD_TYPE):
        msg = f"it is a {' '.join(kinds)}, not {STATEMENT_TYPE} {PREDICATE_TYPE} {BUILD_TYPE}"
        raise RecordError(msg)
    return statement
