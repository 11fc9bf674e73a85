"""The lock of a base: its images' digests and every Debian package in them, by hash."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated

from pydantic import ConfigDict, StringConstraints, TypeAdapter, ValidationError

from dockwright.errors import StaleError

if TYPE_CHECKING:
    from pathlib import Path

    from dockwright.spec.base import BaseSpec

FORMAT = 1
BASE = "base"
REMEDY = "run `dockwright lock --base`"

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Digest = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
STRICT = ConfigDict(strict=True, extra="forbid")


def os_image(layer_name: str) -> str:
    """Return the name of the image that carries an OS layer."""
    return f"os-{layer_name}"


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class DebianPackage:
    """One installed package; the hash is its .deb file's, from the archive's signed index."""

    __pydantic_config__ = STRICT

    name: str
    version: str
    architecture: str
    sha256: Sha256
    source: str | None = None
    """The source package that it is built of, which advisories speak of."""
    source_version: str | None = None
    """Not always the package's own. Locks from before both were recorded lack them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LockedImage:
    """One image of a base's layout, with the packages that its one layer brings."""

    __pydantic_config__ = STRICT

    name: str
    """`base`, or `os-<job>`."""
    manifest_digest: Digest
    config_digest: Digest
    layer_digest: Digest
    diff_id: Digest
    size_bytes: int
    """Of the compressed layer."""
    unpacked_bytes: int
    packages: tuple[DebianPackage, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class BaseLock:
    """What bootstrapping a BaseSpec gave."""

    __pydantic_config__ = STRICT

    format: int
    spec_sha256: Sha256
    """Of the BaseSpec: a lock made from another is stale."""
    images: tuple[LockedImage, ...]

    def image(self, name: str) -> LockedImage:
        """Return the image of a name; KeyError when the base has none such."""
        for image in self.images:
            if image.name == name:
                return image
        raise KeyError(name)

    @property
    def digests(self) -> tuple[str, ...]:
        """The images' manifest digests."""
        return tuple(image.manifest_digest for image in self.images)


def lock_path(buildspec_path: Path, name: str) -> Path:
    """Return where a base's lock is committed."""
    return buildspec_path / "locks" / f"base-{name}.json"


def load(buildspec_path: Path, spec: BaseSpec) -> BaseLock:
    """Return the committed lock; StaleError unless it was made from this very BaseSpec."""
    path = lock_path(buildspec_path, spec.name)
    name = f"{buildspec_path.name}/locks/{path.name}"
    try:
        lock = loads(path.read_bytes(), name=name)
    except FileNotFoundError:
        msg = f"{name} is missing; {REMEDY}"
        raise StaleError(msg) from None
    if lock.spec_sha256 != spec.sha256:
        msg = f"{name} is stale: base {spec.name} of the manifest has changed since; {REMEDY}"
        raise StaleError(msg)
    return lock


def loads(text: str | bytes, *, name: str) -> BaseLock:
    """Read a lock; StaleError when it is not one of this format."""
    try:
        lock = TypeAdapter(BaseLock).validate_json(text)
    except ValidationError as e:
        first = e.errors(include_url=False)[0]
        where = ".".join(str(key) for key in first["loc"])
        msg = f"{name} is not a base lock of format {FORMAT}: {where}: {first['msg']}; {REMEDY}"
        raise StaleError(msg) from None
    if lock.format != FORMAT:
        msg = f"{name} has format {lock.format}, this version reads {FORMAT}; {REMEDY}"
        raise StaleError(msg)
    return lock


def dumps(lock: BaseLock) -> str:
    """Return the lock as committed: one line per package, so that an update diffs well."""
    images = ",\n".join(_dump_image(image) for image in lock.images)
    head = f'"format": {lock.format},\n  "spec_sha256": {json.dumps(lock.spec_sha256)}'
    return f'{{\n  {head},\n  "images": [\n{images}\n  ]\n}}\n'


def differences(locked: BaseLock, actual: BaseLock) -> tuple[str, ...]:
    """Say, package by package, how the actual images differ from the locked ones.

    Equal packages in other bytes are told as such; nothing is told of equal images.
    """
    lines: list[str] = []
    for image in actual.images:
        pinned = locked.image(image.name)
        if pinned.manifest_digest == image.manifest_digest:
            continue
        before = {p.name: (p.version, p.architecture, p.sha256) for p in pinned.packages}
        after = {p.name: (p.version, p.architecture, p.sha256) for p in image.packages}
        names = sorted(name for name in before | after if before.get(name) != after.get(name))
        lines += [
            f"{image.name}: {name} {_version(before.get(name))} -> {_version(after.get(name))}"
            for name in names
        ]
        if not names:
            same_files = pinned.diff_id == image.diff_id
            what = "files, compressed by another zlib" if same_files else "packages in other bytes"
            lines.append(f"{image.name}: the same {what}")
    return tuple(lines)


def _version(package: tuple[str, ...] | None) -> str:
    return package[0] if package else "(absent)"


def _dump_image(image: LockedImage) -> str:
    facts = asdict(image)
    packages = ",\n".join(f"        {_dump_package(p)}" for p in facts.pop("packages"))
    lines = "".join(f"      {json.dumps(k)}: {json.dumps(v)},\n" for k, v in facts.items())
    return f'    {{\n{lines}      "packages": [\n{packages}\n      ]\n    }}'


def _dump_package(facts: dict[str, str | None]) -> str:
    return json.dumps({name: value for name, value in facts.items() if value is not None})
