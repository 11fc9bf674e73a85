"""A layer's inputs in; what its blob is stored and locked by, all that its bytes depend on, out."""

from __future__ import annotations

import hashlib
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from dockwright.composition import compile_modules, compress
from dockwright.composition.render import VENV
from dockwright.spec.base_lock import BASE

if TYPE_CHECKING:
    from dockwright.composition.assemble.install import Target
    from dockwright.composition.layers import WheelLayer
    from dockwright.spec.base_lock import BaseLock

LAYER_VERSION = 1
"""Goes up with every change of a layer's bytes; a test holds the bytes of a sample to it."""

MAKERS = re.compile(r"(lib)?python3.*|libc6|libexpat1|zlib1g")
"""The packages that base_python.PYTHON_FILES are of."""


def wheels_key(layer: WheelLayer, target: Target) -> str:
    """Return the key of a layer of installed wheels."""
    return _key(str(LAYER_VERSION), target.venv, target.python, layer.key)


def bytecode_key(layer: WheelLayer, base: BaseLock, *, python: str) -> str:
    """Return the key of the layer of a wheel layer's compiled modules.

    The base's own Python and zlib make it, so the machine that they run on has no say.
    """
    return _key(str(LAYER_VERSION), _makers(base), python, VENV, layer.bytecode_key, *_programs())


def archive_key(layer: WheelLayer, base: BaseLock) -> str:
    """Return the key of the layer of an unpacked archive; the base's zlib makes it."""
    return _key(str(LAYER_VERSION), _makers(base), layer.key, *_programs())


def _makers(base: BaseLock) -> str:
    """Return the packages that make a layer; updates of others in the base leave it as it is."""
    image = base.image(BASE)
    makers = [f"{p.name} {p.sha256}" for p in image.packages if MAKERS.fullmatch(p.name)]
    return "\n".join(sorted(makers)) or image.layer_digest


def _key(*facts: str) -> str:
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()


@cache
def _programs() -> tuple[str, ...]:
    paths = (compile_modules.__file__, compress.__file__)
    return tuple(hashlib.sha256(Path(path).read_bytes()).hexdigest() for path in paths)
