"""Releases and the index sessions of a command in; one joint solution of each, by hash, out."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import BoundedSemaphore, Lock
from typing import TYPE_CHECKING, TypeVar

from dockwright.clients import index_config
from dockwright.clients.index_session import session
from dockwright.clients.uv import compile_requirements
from dockwright.clients.wheel_files import Target
from dockwright.spec import lock as locks
from dockwright.spec.lock import FORMAT, Group, LockedWheel, ReleaseLock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from contextlib import ExitStack
    from datetime import date

    from dockwright.clients.index_session import Session
    from dockwright.spec.axes import Accelerator
    from dockwright.spec.lock import Requirements, Wheel
    from dockwright.spec.model import Common
    from dockwright.spec.variants import Release

T = TypeVar("T")
R = TypeVar("R")

AT_ONCE = 4
"""Solvers side by side; each waits for its index more than it computes, and asks it thrice at once."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Indexes:
    """The package indexes as one command sees them: each is looked up and probed once."""

    stack: ExitStack
    """Closes them at its end."""
    opened: dict[tuple[str, ...], Session] = field(default_factory=dict)
    guard: Lock = field(default_factory=Lock)
    slots: BoundedSemaphore = field(default_factory=lambda: BoundedSemaphore(AT_ONCE))
    """For all solvers of the command, however many releases are solved at once."""

    def session(self, common: Common, names: tuple[str, ...] = ()) -> Session:
        """Return a session on the host's indexes and on those of the manifest that are named."""
        with self.guard:
            if names not in self.opened:
                config = index_config.read({name: common.indexes[name] for name in names})
                self.opened[names] = self.stack.enter_context(session(config))
            return self.opened[names]


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """Which versions a solution may take."""

    upgrade: tuple[str, ...] = ()
    """Distributions that do not keep the version they are locked at."""
    newest: date | None = None
    """The last day of uploads that count, for what is neither pinned nor locked already."""
    bounds: tuple[str, ...] = ()
    """Requirements that hold for whatever needs them, and bring nothing in."""


def newest_day(common: Common, now: datetime) -> date | None:
    """Return the last day whose uploads have cooled off, if the manifest wants them to."""
    days = common.cooling_off_days
    return None if days is None else (now.astimezone(UTC) - timedelta(days=days)).date()


def together(work: Callable[[T], R], items: Sequence[T]) -> list[R]:
    """Do the same for several things, some at once; results come in their order."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(work, items))


@dataclass(frozen=True, kw_only=True, slots=True)
class Solver:
    """Compiles requirements for one accelerator of one release."""

    session: Session
    slots: BoundedSemaphore
    target: Target
    dropped: tuple[str, ...]
    refused: tuple[str, ...]
    previous: Sequence[Wheel]
    policy: Policy

    def compile(
        self, lines: Iterable[str], within: Iterable[Wheel] = (), *, lowest: bool = False
    ) -> tuple[Wheel, ...]:
        """Return the wheels that the requirements need, at the versions of those given."""
        lines = tuple(lines)
        kept = {wheel.name for wheel in self.previous} - set(self.policy.upgrade)
        pinned = {name_of(line) for line in lines if "==" in line}
        bound = tuple(within)
        with self.slots:
            return compile_requirements(
                lines,
                target=self.target,
                session=self.session,
                constraints=[
                    *(f"{wheel.name}=={wheel.version}" for wheel in bound),
                    *self.refused,
                    *self.policy.bounds,
                ],
                excludes=self.dropped,
                locked=self.previous,
                upgrade=self.policy.upgrade,
                exclude_newer=self.policy.newest,
                undated={*kept, *pinned, *(wheel.name for wheel in bound)},
                lowest=lowest,
            )


def solver(
    indexes: Indexes,
    release: Release,
    accelerator: Accelerator,
    previous: Sequence[Wheel],
    policy: Policy,
) -> Solver:
    """Return what solves a release's requirements on one accelerator."""
    wanted = locks.requirements(release, accelerator)
    return Solver(
        session=indexes.session(release.common, wanted.indexes),
        slots=indexes.slots,
        target=target(release),
        dropped=wanted.dropped,
        refused=wanted.refused,
        previous=previous,
        policy=policy,
    )


def target(release: Release) -> Target:
    """Return what a release's wheels are installed on."""
    return Target(python=release.base.python, glibc=release.glibc)


def solve(
    indexes: Indexes, release: Release, previous: Sequence[Wheel], policy: Policy
) -> ReleaseLock:
    """Return the joint solution of a release's variants.

    All jobs on an accelerator are solved at once, then each one alone within that solution. The
    versions that one accelerator has found bind the next, so that what is shared is the same file;
    what carries the framework is not shared.
    """
    shared: dict[Wheel, None] = {}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        parts = []
        for accelerator in release.accelerators:
            on = solver(indexes, release, accelerator, previous, policy)
            wanted = locks.requirements(release, accelerator)
            framework_names = {name_of(line) for line in wanted.framework}
            joint = on.compile(
                wanted.everything, [w for w in shared if w.name not in framework_names]
            )
            shared |= dict.fromkeys(joint)
            groups = pool.submit(_groups, on, wanted, joint)
            for job in release.spec.jobs:
                wheels = pool.submit(on.compile, wanted.of_job(job), joint)
                parts.append((f"{job}/{accelerator}", groups, wheels))
        tools = solver(indexes, release, release.accelerators[0], previous, policy).compile(
            [f"uv=={release.common.tools.uv}"]
        )
    found: dict[Wheel, LockedWheel] = {}
    for folder, groups, wheels in parts:
        of_group = groups.result()
        grouped = [(wheel, of_group.get(wheel.name, Group.COMMON)) for wheel in wheels.result()]
        for wheel, group in (*grouped, *((tool, Group.BUILD) for tool in tools)):
            known = found.get(wheel)
            used_by = {folder, *(known.used_by if known else ())}
            found[wheel] = LockedWheel(wheel=wheel, group=group, used_by=tuple(sorted(used_by)))
    return ReleaseLock(
        format=FORMAT,
        requirements_sha256=locks.requirements_sha256(release),
        wheels=tuple(sorted(found.values())),
    )


def _groups(solver: Solver, wanted: Requirements, joint: Sequence[Wheel]) -> dict[str, Group]:
    """Return the group of every distribution that is not common; a manifest's pin goes first."""
    needs = {wheel.name for wheel in solver.compile(wanted.framework, joint)}
    return {
        **dict.fromkeys(needs, Group.FRAMEWORK),
        **dict.fromkeys(map(name_of, wanted.huggingface), Group.HUGGINGFACE),
        **dict.fromkeys(map(name_of, wanted.framework), Group.FRAMEWORK),
        **dict.fromkeys(map(name_of, wanted.python), Group.PYTHON),
    }


def name_of(line: str) -> str:
    """Return the distribution that a pin is of.

    >>> name_of("tensorflow[and-cuda]==2.21.0")
    'tensorflow'
    """
    return line.partition("==")[0].partition("[")[0]
