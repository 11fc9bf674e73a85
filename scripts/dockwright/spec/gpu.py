"""What code was compiled for and a GPU in; whether the one runs on the other, out.

Code for `sm_80` runs on every GPU of capability 8.x from 8.0 on; `compute_80` is compiled by the
driver for that and any newer one. `a` ties code to that very capability, `f` to its family.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from pydantic import StringConstraints

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dockwright.spec.model import Common

TARGET = re.compile(r"(sm|compute)_([1-9][0-9]?)([0-9])([af]?)")
CAPABILITY = re.compile(r"(?:sm_)?([1-9][0-9]?)\.?([0-9])")
MAKERS = frozenset({"nvidia", "tesla", "geforce", "quadro"})
"""Words that drivers of one age put before a GPU's name, and those of another leave out."""

Target = Annotated[str, StringConstraints(pattern=f"^{TARGET.pattern}$")]


@dataclass(frozen=True, slots=True, order=True)
class Capability:
    """Which instructions a GPU has.

    >>> str(Capability(7, 5))
    '7.5'
    """

    major: int
    minor: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"


@dataclass(frozen=True, slots=True)
class Gpu:
    """A GPU by the name that somebody gave it."""

    name: str
    capability: Capability | None
    """None where no table tells."""


def runs(targets: Iterable[str], gpu: Capability) -> bool:
    """Tell whether code that was compiled for these targets runs on a GPU.

    >>> runs(["sm_75", "sm_80"], Capability(8, 9)), runs(["sm_75", "sm_80"], Capability(9, 0))
    (True, False)
    """
    return any(_runs(target, gpu) for target in targets)


def _runs(target: str, gpu: Capability) -> bool:
    found = TARGET.fullmatch(target)
    assert found, target
    kind, major, minor, suffix = found.groups()
    built = Capability(int(major), int(minor))
    if suffix == "a":
        return gpu == built
    is_bound = kind == "sm" or suffix == "f"
    return gpu >= built and (gpu.major == built.major or not is_bound)


def gpu(common: Common, name: str) -> Gpu:
    """Return a GPU by its name, as `nvidia-smi` has it or shorter, or by `sm_75` or `7.5`.

    The longest name of the manifest's that it begins with tells: `RTX 6000 Ada` is not `RTX 6000`.
    """
    if number := CAPABILITY.fullmatch(name):
        return Gpu(name, Capability(int(number[1]), int(number[2])))
    asked = _words(name)
    known = ((_words(one), row.capability) for row in common.gpus for one in row.names)
    fitting = [(words, capability) for words, capability in known if asked[: len(words)] == words]
    if not fitting:
        return Gpu(name, None)
    _, capability = max(fitting, key=lambda pair: len(pair[0]))
    major, _, minor = capability.partition(".")
    return Gpu(name, Capability(int(major), int(minor)))


def _words(name: str) -> tuple[str, ...]:
    words = re.split(r"[\s-]+", name.strip().lower())
    return tuple(word for word in words if word not in MAKERS)
