"""Two revisions of the checkout, or two releases of it, in; what their locks have otherwise out."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.version import Version

from dockwright import process
from dockwright.composition import components, version_changes
from dockwright.composition.components import Components
from dockwright.composition.vulnerabilities import Pair
from dockwright.errors import DockwrightError, ProcessError
from dockwright.spec import base_lock, manifest, pins
from dockwright.spec import lock as locks

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from dockwright.composition.version_changes import PackageChange
    from dockwright.spec.base_lock import BaseLock
    from dockwright.spec.lock import ReleaseLock
    from dockwright.spec.variants import Release, Variant
    from dockwright.workspace import Workspace

GIT_TIMEOUT_S = 60.0
NEEDED = ("buildspec/*.yml", "buildspec/locks/*.json", "images/runtime/*/pyproject.toml")


@dataclass(frozen=True, kw_only=True, slots=True)
class ReleaseChange:
    """A release before and after; one of the two names is None for what is new or gone."""

    before: str | None
    after: str | None
    packages: tuple[PackageChange, ...]
    wheel_bytes: Mapping[str, tuple[int, int]]
    """By variant, `<job>/<accelerator>`: what its wheels weigh, before and after."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Changes:
    """What is otherwise."""

    releases: tuple[ReleaseChange, ...]
    debian: tuple[str, ...]
    """Of the bases' packages, line by line."""
    pairs: tuple[Pair, ...]
    """What releases that there are now consist of, before and after."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _State:
    releases: Mapping[str, tuple[Release, ReleaseLock]]
    bases: Mapping[str, BaseLock]
    components: Mapping[str, Components]


def between(ws: Workspace, before: str, after: str) -> Changes:
    """Return the changes from one to the other: both are releases of today, or git's revisions."""
    today = _state(ws.buildspec_path)
    if before in today.releases and after in today.releases:
        change = _change(today.releases[before], today.releases[after])
        return Changes(releases=(change,), debian=(), pairs=_pairs_of([change], today, today))
    with _checked_out(ws, before) as old_path, _checked_out(ws, after) as new_path:
        old, new = _state(old_path), _state(new_path)
    found = [_change(*pair) for pair in _pairs(old, new)]
    return Changes(
        releases=tuple(c for c in found if c.packages or c.before != c.after),
        debian=tuple(
            f"{name} {line}"
            for name in sorted(old.bases.keys() & new.bases.keys())
            for line in base_lock.differences(old.bases[name], new.bases[name])
        ),
        pairs=_pairs_of(found, old, new),
    )


def since_before(ws: Workspace, every: Iterable[Variant]) -> dict[str, ReleaseChange]:
    """Return release -> what it has otherwise than the one before it, of its framework and team."""
    releases = {variant.release.key: variant.release for variant in every}
    before: dict[tuple[str, str | None], tuple[Release, ReleaseLock]] = {}
    found = {}
    for release in sorted(releases.values(), key=_age):
        line = (release.framework, release.flavor)
        after = release, locks.load(ws.buildspec_path, release)
        found[release.key] = _change(before.get(line), after)
        before[line] = after
    return found


@contextmanager
def _checked_out(ws: Workspace, revision: str) -> Iterator[Path]:
    """Write what a revision says is shipped into a folder of its own; yield its buildspec/."""
    git = ("git", "-C", ws.root)
    name = f"{revision}^{{commit}}"
    try:
        commit = process.run(
            (*git, "rev-parse", "--verify", "--quiet", "--end-of-options", name),
            timeout_s=GIT_TIMEOUT_S,
        ).strip()
    except ProcessError:
        msg = f"{revision!r} is neither a release of the manifest nor a revision that git knows"
        raise DockwrightError(msg) from None
    with tempfile.TemporaryDirectory(prefix="dockwright-changelog-") as folder:
        listed = process.run(
            (*git, "ls-tree", "-r", "-z", "--name-only", commit), timeout_s=GIT_TIMEOUT_S
        )
        for path in filter(None, listed.split("\0")):
            if any(Path(path).match(pattern) for pattern in NEEDED):
                text = process.run((*git, "show", f"{commit}:./{path}"), timeout_s=GIT_TIMEOUT_S)
                Path(folder, path).parent.mkdir(parents=True, exist_ok=True)
                Path(folder, path).write_text(text, encoding="utf-8", newline="")
        yield Path(folder, "buildspec")


def _state(buildspec_path: Path) -> _State:
    found = manifest.load(buildspec_path)
    releases = {v.release.key: v.release for v in found.variants}
    bases = {name: base_lock.load(buildspec_path, spec) for name, spec in found.bases.items()}
    of = {
        key: locks.loads(locks.lock_path(buildspec_path, release).read_bytes(), name=key)
        for key, release in releases.items()
    }
    return _State(
        releases={key: (release, of[key]) for key, release in releases.items()},
        bases=bases,
        components={
            key: components.together(
                components.of(v, of[key], bases[v.release.base.name])
                for v in found.variants
                if v.release.key == key
            )
            for key in releases
        },
    )


def _pairs_of(changes: Iterable[ReleaseChange], old: _State, new: _State) -> tuple[Pair, ...]:
    """Return what releases that there are afterwards consist of, before and after."""
    nothing = Components(known=(), unknown={})
    return tuple(
        Pair(
            name=change.after,
            before=old.components[change.before] if change.before else nothing,
            after=new.components[change.after],
        )
        for change in changes
        if change.after is not None
    )


def _pairs(
    old: _State, new: _State
) -> Iterator[tuple[tuple[Release, ReleaseLock] | None, tuple[Release, ReleaseLock] | None]]:
    """Yield releases that are the same by name, else by their place in the manifest."""
    lone = {_place(*old.releases[key]): key for key in old.releases.keys() - new.releases.keys()}
    for key, after in new.releases.items():
        of = key if key in old.releases else lone.pop(_place(*after), None)
        yield (old.releases[of] if of else None), after
    for key in sorted(lone.values()):
        yield old.releases[key], None


def _age(release: Release) -> tuple[Version, Version, str]:
    return Version(release.spec.version), Version(release.transformers), release.name


def _place(release: Release, _: ReleaseLock) -> tuple[str, int]:
    return release.framework.value, pins.position(release)


def _change(
    before: tuple[Release, ReleaseLock] | None, after: tuple[Release, ReleaseLock] | None
) -> ReleaseChange:
    sides = [side for side in (before, after) if side]
    direct = {name for release, _ in sides for name in pins.versions(release)}
    direct |= {name for release, _ in sides for name in release.common.tools.model_dump()}
    direct |= {d.name for release, _ in sides for d in release.file.distributions.values()}
    old, new = before[1] if before else None, after[1] if after else None
    folders = {folder for _, lock in sides for w in lock.wheels for folder in w.used_by}
    return ReleaseChange(
        before=before[0].key if before else None,
        after=after[0].key if after else None,
        packages=version_changes.packages(old, new, direct),
        wheel_bytes={
            folder: (_bytes(old, folder), _bytes(new, folder)) for folder in sorted(folders)
        },
    )


def _bytes(lock: ReleaseLock | None, folder: str) -> int:
    return sum(w.wheel.size_bytes for w in lock.of(folder)) if lock else 0
