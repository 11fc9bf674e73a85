"""`dockwright outdated`: what is newer than what the manifest pins, and what is in the way."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dockwright import console
from dockwright.cli.common import Globs, Json, here, load, ours_alone
from dockwright.errors import NetworkError, ProcessError
from dockwright.spec import selector

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dockwright.stages.outdated import DebianState, Ending, PinState


def outdated(globs: Globs = None, *, as_json: Json = False) -> None:
    """Show for each release what is newer, what it can have, and what keeps the newest out."""
    from dockwright.stages import outdated as stage  # noqa: PLC0415 - slow to import

    ws, now = here(), datetime.now(UTC)
    ours_alone(ws, "ask for our releases")
    manifest = load(ws)
    variants = selector.pick(manifest.variants, globs or [])
    releases = tuple({v.release.key: v.release for v in variants}.values())
    bases = {release.base.name: release.base for release in releases}
    debian: tuple[DebianState, ...] | None = None
    title = f"ask the indexes for {len(releases)} releases"
    with console.step(title), ThreadPoolExecutor(1) as pool:
        asked = pool.submit(stage.debian_states, ws, bases.values())
        states = stage.pin_states(ws, releases, now)
        try:
            debian = asked.result()
        except (NetworkError, ProcessError) as e:  # elsewhere than on Debian, for one
            console.warn(f"nothing is known of the bases' packages: {str(e).partition(chr(10))[0]}")
    endings = stage.endings(releases, now.date())
    if as_json:
        console.out_json(_data(states, debian, endings))
    else:
        _show(states, debian, endings)


def _show(
    states: Sequence[PinState], debian: Sequence[DebianState] | None, endings: Sequence[Ending]
) -> None:
    told = [state for state in states if state.is_behind or state.yanked is not None]
    for release in dict.fromkeys(state.release for state in told):
        console.out(f"{release}:")
        rows = [_row(state) for state in told if state.release == release]
        console.table(("  PIN", "CURRENT", "DAYS OLD", "CAN HAVE", "NEWEST", "WHY NOT"), rows)
        console.out("")
    current = len(states) - len(told)
    console.out(f"{len(told)} of {len(states)} pins are behind, {current} at their newest")
    for package in debian or ():
        kind = "security update" if package.is_security else "update"
        names = f"{package.base}: {package.name} {package.current} -> {package.newest}"
        console.out(f"{names}: {kind}; `dockwright bump --security` takes it")
    for ending in endings:
        when = f"in {ending.days_left} days" if ending.days_left >= 0 else "over"
        console.out(f"{ending.release}: patched until {ending.end_of_patch}: {when}")


def _row(state: PinState) -> tuple[str, ...]:
    why = [] if state.yanked is None else [f"{state.current} was withdrawn: {state.yanked}"]
    why += [state.why] if state.why else []
    age = "?" if state.age_days is None else str(state.age_days)
    can_have = state.compatible if state.compatible != state.current else "-"
    return (f"  {state.name}", state.current, age, can_have, state.newest, "; ".join(why))


def _data(
    states: Sequence[PinState], debian: Sequence[DebianState] | None, endings: Sequence[Ending]
) -> dict[str, object]:
    return {
        "pins": [asdict(state) for state in states],
        "debian": None if debian is None else [asdict(package) for package in debian],
        "endings": [
            {**asdict(ending), "end_of_patch": ending.end_of_patch.isoformat()}
            for ending in endings
        ],
    }
