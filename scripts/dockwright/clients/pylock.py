"""A pylock.toml (PEP 751) as uv writes it in, one locked wheel per distribution out; and back."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dockwright.clients import index
from dockwright.clients.hashing import sha256_of
from dockwright.clients.index_config import local_path, masked
from dockwright.clients.wheel_files import best, filename_of, safe_filename, target_tags
from dockwright.errors import SolveError
from dockwright.spec.lock import Wheel

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dockwright.clients.index_session import Session
    from dockwright.clients.wheel_files import Target


class _Model(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True)  # more keys are PEP 751's right


class _Hashes(_Model):
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None


class _File(_Model):
    url: str
    size: int | None = None
    hashes: _Hashes = _Hashes()

    @property
    def filename(self) -> str:
        return filename_of(self.url)


class _Package(_Model):
    name: str
    version: str
    wheels: list[_File] = []


class _Pylock(_Model):
    packages: list[_Package] = []


def wheels(text: str, *, target: Target, session: Session) -> tuple[Wheel, ...]:
    """Return the best wheel of each package for the target, its hash and size completed."""
    try:
        pylock = _Pylock.model_validate(tomllib.loads(text))
    except (ValidationError, tomllib.TOMLDecodeError) as e:
        msg = f"uv's pylock.toml is not as expected, is this uv too new? {e}"
        raise SolveError(msg) from None
    supported = target_tags(target)
    chosen = []
    for package in pylock.packages:
        files = {safe_filename(file.filename): file for file in package.wheels}
        filename = best(files, supported)
        if filename is None:
            msg = f"{package.name} {package.version} has no wheel for {target}"
            raise SolveError(msg)
        chosen.append(_locked(package, files[filename], session))
    return tuple(sorted(chosen))


def preferences(locked: Iterable[Wheel]) -> str:
    """Return a pylock.toml whose versions uv keeps where it can."""
    packages = [
        f'\n[[packages]]\nname = "{wheel.name}"\nversion = "{wheel.version}"\n' for wheel in locked
    ]
    return 'lock-version = "1.0"\ncreated-by = "dockwright"\n' + "".join(packages)


def _locked(package: _Package, file: _File, session: Session) -> Wheel:
    path = local_path(file.url)
    sha256 = file.hashes.sha256 or (sha256_of(path) if path else None)
    if sha256 is None:
        msg = f"{masked(file.url)}: the index tells no sha256, so the wheel cannot be locked"
        raise SolveError(msg)
    size = index.size_of(session, file.url) if file.size is None else file.size
    return Wheel(
        name=package.name,
        version=package.version,
        filename=file.filename,
        sha256=sha256,
        size_bytes=size,
    )
