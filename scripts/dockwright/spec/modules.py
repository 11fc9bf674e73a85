"""buildspec/modules/<release>.json: which modules of a release's wheels its images hold compiled.

Importing a framework compiles two thousand files, most of a container's start, unless somebody
has compiled them before. Which files those are is measured (`dockwright profile`) and committed.
"""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Annotated

from pydantic import ConfigDict, StringConstraints, TypeAdapter, ValidationError

from dockwright.errors import StaleError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

Distribution = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
# From site-packages on; no component can be `..` or hidden.
ModulePath = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*\.py$"),
]
Modules = tuple[tuple[str, tuple[str, ...]], ...]
"""Distribution and paths of its modules, both sorted."""


def path_of(buildspec_path: Path, key: str) -> Path:
    """Return where the list of the release `<framework>-<name>` is committed."""
    return buildspec_path / "modules" / f"{key}.json"


def load(buildspec_path: Path, key: str) -> Modules:
    """Return a release's list; nothing where there is none: its images hold nothing compiled."""
    path = path_of(buildspec_path, key)
    try:
        found = _adapter().validate_json(path.read_bytes())
    except FileNotFoundError:
        return ()
    except ValidationError as e:
        first = e.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        name = "/".join(path.parts[-3:])
        msg = f"{name} is no list of modules: {where}: {first['msg']}; run `dockwright profile`"
        raise StaleError(msg) from None
    return tuple((name, tuple(sorted(paths))) for name, paths in sorted(found.items()))


def dumps(modules: Mapping[str, Iterable[str]]) -> str:
    """Return the list as committed: one line per module, so that a change diffs well."""
    ordered = {name: sorted(set(paths)) for name, paths in sorted(modules.items())}
    return json.dumps(ordered, indent=1) + "\n"


@cache
def _adapter() -> TypeAdapter[dict[str, list[str]]]:
    return TypeAdapter(dict[Distribution, list[ModulePath]], config=ConfigDict(strict=True))
