"""buildspec/locks/<release>.layers.json: what a release's layers weigh and hash to, once assembled.

A layer's bytes follow from its key; what they are is known only once they were made. Committed, it
tells an image's digest before anything is fetched or built, and whether a build gave the same.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import cache
from typing import TYPE_CHECKING, Annotated, Final, Literal

from pydantic import ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError

from dockwright.errors import StaleError
from dockwright.spec.base_lock import Digest, Sha256  # noqa: TC001 - pydantic reads them
from dockwright.spec.gpu import Target  # noqa: TC001 - likewise

if TYPE_CHECKING:
    from pathlib import Path

    from dockwright.spec.variants import Release

FORMAT: Final = 1
REMEDY = "run `dockwright lock --layers`"
STRICT = ConfigDict(strict=True, extra="forbid")
LayerName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class LockedLayer:
    """One assembled layer."""

    __pydantic_config__ = STRICT

    name: LayerName
    key: Sha256
    """Of all that its bytes follow from."""
    digest: Digest
    diff_id: Digest
    """Of the tar inside."""
    size_bytes: Annotated[int, Field(ge=0)]
    """As it is stored and sent, compressed."""
    targets: tuple[Target, ...] | None = None
    """The GPUs that the framework in it says to be compiled for; None where no framework for GPUs is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LayerLock:
    """The layers of a release that are known."""

    __pydantic_config__ = STRICT

    format: Literal[1] = FORMAT
    layers: tuple[LockedLayer, ...] = ()

    @property
    def by_key(self) -> dict[str, LockedLayer]:
        return {layer.key: layer for layer in self.layers}


def path_of(buildspec_path: Path, key: str) -> Path:
    """Return where the layers of the release `<framework>-<name>` are committed."""
    return buildspec_path / "locks" / f"{key}.layers.json"


def load(buildspec_path: Path, key: str) -> LayerLock:
    """Return a release's layers; none where there is no file: nothing is known of them yet."""
    path = path_of(buildspec_path, key)
    try:
        return _adapter().validate_json(path.read_bytes())
    except FileNotFoundError:
        return LayerLock()
    except ValidationError as e:
        first = e.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        name = "/".join(path.parts[-3:])
        msg = f"{name} is not of format {FORMAT}: {where}: {first['msg']}; remove it and {REMEDY}"
        raise StaleError(msg) from None


def of(buildspec_path: Path, release: Release) -> LayerLock:
    """Return all that is known of a release's layers: those of the one that it extends included."""
    own = load(release.locks_in(buildspec_path), release.key)
    if release.extends is None:
        return own
    return LayerLock(layers=(*own.layers, *of(buildspec_path, release.extends).layers))


def dumps(lock: LayerLock) -> str:
    """Return the lock as committed: one line per layer, so that a bump diffs well."""
    rows = ",\n".join(f"    {json.dumps(_row(layer))}" for layer in sorted(lock.layers))
    layers = f"[\n{rows}\n  ]" if rows else "[]"
    return f'{{\n  "format": {lock.format},\n  "layers": {layers}\n}}\n'


def _row(layer: LockedLayer) -> dict[str, object]:
    return {name: value for name, value in asdict(layer).items() if value is not None}


@cache
def _adapter() -> TypeAdapter[LayerLock]:
    return TypeAdapter(LayerLock)
