"""An overlay's release and the lock of the release that it extends in; what comes on top of it out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dockwright.composition.solve import solver
from dockwright.errors import SolveError
from dockwright.spec import lock as locks
from dockwright.spec.lock import FORMAT, Group, LockedWheel, ReleaseLock

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dockwright.composition.solve import Indexes, Policy, Solver
    from dockwright.spec.axes import Accelerator
    from dockwright.spec.lock import Wheel
    from dockwright.spec.variants import Release


def solve_extension(
    indexes: Indexes,
    release: Release,
    extended: ReleaseLock,
    previous: Sequence[Wheel],
    policy: Policy,
) -> ReleaseLock:
    """Return the wheels that the release has beside those of the one that it extends.

    Nothing that is locked there moves, or its layers would be others: what cannot be had beside it
    is a SolveError.
    """
    found: dict[Wheel, LockedWheel] = {}
    for accelerator in release.accelerators if _jobs_with_more(release) else ():
        there = _wheels(extended, accelerator)
        kept = {wheel.name: wheel for wheel in (*previous, *there.values())}
        on = solver(indexes, release, accelerator, tuple(kept.values()), policy)
        for locked in _solve_accelerator(release, accelerator, on, extended, tuple(found)):
            known = found.get(locked.wheel)
            used_by = {*locked.used_by, *(known.used_by if known else ())}
            found[locked.wheel] = replace(locked, used_by=tuple(sorted(used_by)))
    return ReleaseLock(
        format=FORMAT,
        requirements_sha256=locks.requirements_sha256(release, extended),
        wheels=tuple(sorted(found.values())),
    )


def _jobs_with_more(release: Release) -> tuple[str, ...]:
    """Return the jobs whose images have packages that those of the extended release have not."""
    before = release.extends.spec.extras if release.extends else {}
    after = release.spec.extras
    return tuple(job for job in release.spec.jobs if after.get(job, {}) != before.get(job, {}))


def _wheels(extended: ReleaseLock, accelerator: Accelerator) -> dict[str, Wheel]:
    """Return what is locked of each distribution: for this accelerator, else for another."""

    def is_on(locked: LockedWheel) -> bool:
        return any(folder.endswith(f"/{accelerator}") for folder in locked.used_by)

    wheels = (locked for locked in extended.wheels if locked.group is not Group.BUILD)
    return {locked.wheel.name: locked.wheel for locked in sorted(wheels, key=is_on)}


def _solve_accelerator(
    release: Release,
    accelerator: Accelerator,
    on: Solver,
    extended: ReleaseLock,
    found: Sequence[Wheel],
) -> Iterator[LockedWheel]:
    """Yield what each job's images have more on the accelerator, as others have found it."""
    there = _wheels(extended, accelerator)
    within = [*there.values(), *(wheel for wheel in found if wheel.name not in there)]
    wanted = locks.requirements(release, accelerator)
    try:
        joint = on.compile(wanted.everything, within)
        for job in _jobs_with_more(release):
            folder = f"{job}/{accelerator}"
            has = {locked.wheel.name for locked in extended.of(folder)}
            for wheel in on.compile(wanted.of_job(job), joint):
                if wheel.name not in has:
                    # The very file that other images have, so that the layer may be theirs, too.
                    same = there.get(wheel.name, wheel)
                    yield LockedWheel(wheel=same, group=Group.OVERLAY, used_by=(folder,))
    except SolveError as e:
        beside = release.extends.key if release.extends else ""
        msg = f"{release.key} cannot have its extras beside what is locked for {beside}: {e}"
        raise SolveError(msg) from None
