"""Releases in; one joint solution each, every wheel by hash, as committed locks out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from dockwright import console
from dockwright.clients import index_config
from dockwright.clients.index_session import session
from dockwright.clients.uv import compile_requirements
from dockwright.clients.wheel_files import Target
from dockwright.composition import base
from dockwright.errors import StaleError
from dockwright.spec import base_lock, cuda, layer_lock, left_out
from dockwright.spec import lock as locks
from dockwright.spec.lock import FORMAT, Group, LockedWheel, ReleaseLock
from dockwright.spec.records import write_atomically

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from dockwright.clients.index_session import Session
    from dockwright.spec.axes import Accelerator
    from dockwright.spec.base import BaseSpec
    from dockwright.spec.lock import Requirements, Wheel
    from dockwright.spec.variants import Release, Variant
    from dockwright.workspace import Workspace

T = TypeVar("T")


def releases_of(variants: Iterable[Variant]) -> tuple[Release, ...]:
    """Return each release of the variants once."""
    return tuple({v.release.folder: v.release for v in variants}.values())


def check(ws: Workspace, variants: Sequence[Variant]) -> None:
    """Raise StaleError, naming all of them, unless every release's lock is up to date."""
    _raise_stale(lambda release: locks.load(ws.buildspec_path, release), releases_of(variants))


def _raise_stale(load: Callable[[T], object], subjects: Iterable[T]) -> None:
    stale = []
    for subject in subjects:
        try:
            load(subject)
        except StaleError as e:
            stale.append(str(e))
    if stale:
        raise StaleError("\n".join(stale))


def lock(ws: Workspace, variants: Sequence[Variant], *, upgrade: Sequence[str] = ()) -> None:
    """Solve every release, then write all locks; nothing is written if one has no solution."""
    texts = {}
    for release in releases_of(variants):
        with console.step(f"solve {release.folder}"):
            path = locks.lock_path(ws.buildspec_path, release)
            previous = _previous(path.read_bytes()) if path.is_file() else ()
            texts[path] = locks.dumps(solve(release, previous, upgrade))
    for path, text in texts.items():
        write_atomically(path, text)


def check_bases(ws: Workspace, bases: Iterable[BaseSpec]) -> None:
    """Raise StaleError, naming all of them, unless every base's lock is up to date."""
    _raise_stale(lambda base: base_lock.load(ws.buildspec_path, base), bases)


def check_strangers(ws: Workspace, variants: Iterable[Variant], bases: Iterable[BaseSpec]) -> None:
    """Raise StaleError if there are locks of what the manifest no longer names."""
    known = {locks.lock_path(ws.buildspec_path, release) for release in releases_of(variants)}
    known |= {layer_lock.path_of(ws.buildspec_path, r.key) for r in releases_of(variants)}
    known |= {base_lock.lock_path(ws.buildspec_path, spec.name) for spec in bases}
    strangers = sorted(set((ws.buildspec_path / "locks").glob("*.json")) - known)
    if strangers:
        names = (str(path.relative_to(ws.root)) for path in strangers)
        raise StaleError(
            "\n".join(f"{name}: of nothing in the manifest; remove it" for name in names)
        )


def check_left_out(ws: Workspace, variants: Iterable[Variant]) -> None:
    """Raise StaleError if the manifest leaves files out of wheels that no release has locked."""
    releases = releases_of(variants)
    wheels: dict[str, list[Wheel]] = {}
    for release in releases:
        locked = locks.load(ws.buildspec_path, release).wheels
        wheels.setdefault(release.framework, []).extend(w.wheel for w in locked)
    entries = {release.framework: release.file.left_out for release in releases}
    idle = [
        f"{ws.buildspec_path.name}/{framework}.yml: left_out: {pin} is locked in no release; see "
        "whether the version that is locked needs the files, then correct or remove the entry"
        for framework, of_framework in entries.items()
        for pin in left_out.idle(of_framework, wheels[framework])
    ]
    if idle:
        raise StaleError("\n".join(idle))


def lock_bases(ws: Workspace, bases: Iterable[BaseSpec]) -> None:
    """Bootstrap every base of today's packages and lock what they are."""
    for spec in bases:
        lock = base.lock_base(spec, ws)
        path = base_lock.lock_path(ws.buildspec_path, spec.name)
        write_atomically(path, base_lock.dumps(lock))


@dataclass(frozen=True, kw_only=True, slots=True)
class Solver:
    """Compiles requirements for one accelerator of one release."""

    session: Session
    target: Target
    dropped: tuple[str, ...]
    refused: tuple[str, ...]
    previous: Sequence[Wheel]
    upgrade: Sequence[str]

    def compile(self, lines: Iterable[str], within: Iterable[Wheel] = ()) -> tuple[Wheel, ...]:
        """Return the wheels that the requirements need, at the versions of those given."""
        return compile_requirements(
            lines,
            target=self.target,
            session=self.session,
            constraints=[*(f"{wheel.name}=={wheel.version}" for wheel in within), *self.refused],
            excludes=self.dropped,
            locked=self.previous,
            upgrade=self.upgrade,
        )


def solve(release: Release, previous: Sequence[Wheel], upgrade: Sequence[str]) -> ReleaseLock:
    """Return the joint solution of a release's variants, none of which is another CUDA's."""
    found: dict[Wheel, LockedWheel] = {}
    for accelerator in release.accelerators:
        wanted = locks.requirements(release, accelerator)
        indexes = {name: release.common.indexes[name] for name in wanted.indexes}
        with session(index_config.read(indexes)) as opened:
            solver = Solver(
                session=opened,
                target=Target(python=release.base.python, glibc=release.glibc),
                dropped=wanted.dropped,
                refused=wanted.refused,
                previous=previous,
                upgrade=upgrade,
            )
            for locked in _solve_accelerator(release, accelerator, solver, wanted, found):
                known = found.get(locked.wheel)
                used_by = {*locked.used_by, *(known.used_by if known else ())}
                found[locked.wheel] = replace(locked, used_by=tuple(sorted(used_by)))
    lock = ReleaseLock(
        format=FORMAT,
        requirements_sha256=locks.requirements_sha256(release),
        wheels=tuple(sorted(found.values())),
    )
    cuda.require_truth(release, lock)
    return lock


def _solve_accelerator(
    release: Release,
    accelerator: Accelerator,
    solver: Solver,
    wanted: Requirements,
    found: Mapping[Wheel, LockedWheel],
) -> Iterator[LockedWheel]:
    """Yield what each job on the accelerator installs.

    All jobs are solved at once, then each one alone within that solution. The versions that the
    other accelerators have found bind this one, so that what is shared is the same file; what
    carries the framework is not shared.
    """
    framework_names = {_name(line) for line in wanted.framework}
    within = [w for w in found if w.name not in framework_names]
    joint = solver.compile(wanted.everything, within)
    of_group = _groups(solver, wanted, joint)
    for job in release.spec.jobs:
        folder = f"{job}/{accelerator}"
        for wheel in solver.compile(wanted.of_job(job), joint):
            group = of_group.get(wheel.name, Group.COMMON)
            yield LockedWheel(wheel=wheel, group=group, used_by=(folder,))
        for wheel in solver.compile([f"uv=={release.common.tools.uv}"]):
            yield LockedWheel(wheel=wheel, group=Group.BUILD, used_by=(folder,))


def _groups(solver: Solver, wanted: Requirements, joint: Sequence[Wheel]) -> dict[str, Group]:
    """Return the group of every distribution that is not common; a manifest's pin goes first."""
    needs = {wheel.name for wheel in solver.compile(wanted.framework, joint)}
    return {
        **dict.fromkeys(needs, Group.FRAMEWORK),
        **dict.fromkeys(map(_name, wanted.huggingface), Group.HUGGINGFACE),
        **dict.fromkeys(map(_name, wanted.framework), Group.FRAMEWORK),
        **dict.fromkeys(map(_name, wanted.python), Group.PYTHON),
    }


def _name(pin: str) -> str:
    return pin.partition("==")[0].partition("[")[0]


def _previous(text: bytes) -> tuple[Wheel, ...]:
    """Return the versions to keep: of the committed lock, also when it is stale or damaged."""
    try:
        return tuple(locked.wheel for locked in locks.loads(text, name="lock").wheels)
    except StaleError:
        return ()
