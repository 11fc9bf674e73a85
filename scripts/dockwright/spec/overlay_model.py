"""The shape of an overlay's files: strict pydantic models of what a downstream team may say."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints, model_validator

from dockwright.spec.axes import Job
from dockwright.spec.model import (
    Distribution,
    EnvName,
    EnvValue,
    Exclude,
    Megabytes,
    Model,
    ReleaseSpec,
    Version,
    Word,
)

Flavor = Annotated[
    Word, Field(max_length=20, description="what the names of the team's images end with")
]
ReleaseGlob = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z0-9.*?\[\]!-]+$"),
    Field(description="names of our releases, such as '2.13.0-transformers5*'"),
]


class Extension(Model):
    """Releases of ours once more, with what a team adds to them."""

    releases: ReleaseGlob
    flavor: Flavor
    extras: dict[Job, Annotated[dict[Distribution, Version], Field(min_length=1)]] = Field(
        default_factory=dict
    )
    environment: dict[EnvName, EnvValue] = Field(default_factory=dict)
    more_mb: dict[Job, Megabytes] = Field(
        default_factory=dict, description="what the extras add to the budget"
    )
    more_unpacked_mb: dict[Job, Megabytes] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _consistent(self) -> Extension:
        if not self.extras and not self.environment:
            msg = "adds neither extras nor environment"
            raise ValueError(msg)
        if set(self.more_mb) != set(self.extras):
            msg = "more_mb needs one size for each of the jobs with extras"
            raise ValueError(msg)
        if self.more_unpacked_mb and set(self.more_unpacked_mb) != set(self.extras):
            msg = "more_unpacked_mb needs one size for each of the jobs with extras"
            raise ValueError(msg)
        return self


class OwnRelease(ReleaseSpec):
    """A release of a framework that is the team's alone."""

    flavor: Flavor


class OverlayFile(Model):
    """<overlay>/<framework>.yml: what a team adds to our releases of one framework."""

    extend: tuple[Extension, ...] = ()
    releases: tuple[OwnRelease, ...] = ()
    exclude: tuple[Exclude, ...] = ()
