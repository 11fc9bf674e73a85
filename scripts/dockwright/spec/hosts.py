"""buildspec/hosts.yml in; the machines that benchmarks run on out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from dockwright.errors import ManifestError
from dockwright.spec.model import Model, Word
from dockwright.spec.parsing import near, parse

if TYPE_CHECKING:
    from pathlib import Path

LOCAL = "local"
"""The host whose engine every other command uses; it need not be written down."""
Address = Annotated[
    str,
    StringConstraints(
        pattern=r"^ssh://[a-z_][a-z0-9_-]*@[A-Za-z0-9][A-Za-z0-9.-]*(:[1-9][0-9]{0,4})?"
        r"(/[A-Za-z0-9._/-]+)?$"
    ),
]
"""The path, where there is one, is the engine's socket there."""
FilePath = Annotated[str, StringConstraints(pattern=r"^[~A-Za-z0-9._/+-]+$")]


class Host(Model):
    """One machine: how its engine is reached, and how much of it a container gets."""

    engine: Literal["local"] | Address
    identity: FilePath | None = None
    """The private key's file; only this key is offered."""
    known_hosts: FilePath | None = None
    """The file with the host's key, as `ssh-keyscan` writes it; no other key is believed."""
    cpuset: Annotated[str, StringConstraints(pattern=r"^[0-9]+([,-][0-9]+)*$")] | None = None
    memory_mb: Annotated[int, Field(ge=256, description="decimal megabytes")] | None = None

    @model_validator(mode="after")
    def _reachable(self) -> Host:
        if self.engine != LOCAL and (self.identity is None or self.known_hosts is None):
            msg = "a host by ssh needs `identity` and `known_hosts`: its key is checked, always"
            raise ValueError(msg)
        return self


class Hosts(Model):
    """buildspec/hosts.yml: the machines that benchmarks run on."""

    hosts: dict[Word, Host]


def load(buildspec_path: Path, name: str) -> Host:
    """Return a host by its name; ManifestError where the file is wrong or does not have it."""
    path = buildspec_path / "hosts.yml"
    document, hosts = parse(path, Hosts)
    if hosts is None:
        raise ManifestError("\n".join(str(problem) for problem in document.problems))
    if name in hosts.hosts:
        return hosts.hosts[name]
    if name == LOCAL:
        return Host(engine=LOCAL)
    known = [LOCAL, *hosts.hosts]
    msg = f"{path.name} has no host {name!r}{near(name, known)}; there are: {', '.join(known)}"
    raise ManifestError(msg)
