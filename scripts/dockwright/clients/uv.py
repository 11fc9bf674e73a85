"""Requirement lines and a target platform in; the wheels that uv's solver picks, by hash, out."""

from __future__ import annotations

import os
import sys
import tempfile
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.requirements import InvalidRequirement, Requirement

from dockwright import console, process
from dockwright.clients import index_config, pylock, uv_settings
from dockwright.clients.index_config import local_path, places, settings
from dockwright.errors import NetworkError, ProcessError, SolveError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dockwright.clients.index_config import IndexConfig
    from dockwright.clients.index_session import Session
    from dockwright.clients.wheel_files import Target
    from dockwright.spec.lock import Wheel

TIMEOUT_S = 900.0
INDEX_VARIABLES = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL")
OUR_FILE_ALONE = {**dict.fromkeys(INDEX_VARIABLES, ""), "UV_NO_CONFIG": "false"}
"""What else uv would be told of indexes is in our file already; it takes an empty one for none."""
ONE_OF_SEVERAL = {"UV_CONCURRENT_DOWNLOADS": "3"}
"""Some are run side by side: an index gets a dozen requests at a time from all of them at most."""
NO_SOLUTION = "No solution found"


def compile_requirements(
    requirements: Iterable[str],
    *,
    target: Target,
    session: Session,
    constraints: Iterable[str] = (),
    overrides: Iterable[str] = (),
    excludes: Iterable[str] = (),
    locked: Iterable[Wheel] = (),
    upgrade: Iterable[str] = (),
    exclude_newer: date | None = None,
    undated: Iterable[str] = (),
    lowest: bool = False,
) -> tuple[Wheel, ...]:
    """Solve for the target and return one wheel per distribution, sorted by name.

    `excludes` names distributions that must not come in, whoever asks for them. Versions in
    `locked` are kept where the requirements allow, but for those that `upgrade` names.
    `exclude_newer` leaves out what was uploaded after that day (UTC), but for the distributions
    that `undated` names. Of what is asked for and not in `locked`, `lowest` takes the oldest version.
    """
    config = _for_solving(session.config, exclude_newer)
    with tempfile.TemporaryDirectory(prefix="dockwright-solve-") as folder:
        # All three files are always passed, so that UV_CONSTRAINT and its like in somebody's
        # shell cannot change a lock.
        inputs = {
            "--constraints": _checked(constraints),
            "--overrides": _checked(overrides),
            "--excludes": _checked(excludes),
        }
        Path(folder, "requirements.in").write_text(_checked(requirements), encoding="utf-8")
        argv = ["requirements.in", "--output-file", "pylock.toml"]
        for option, text in inputs.items():
            name = f"{option.removeprefix('--')}.txt"
            Path(folder, name).write_text(text, encoding="utf-8")
            argv += [option, name]
        pylock_path = Path(folder, "pylock.toml")
        if kept := tuple(locked):
            pylock_path.write_text(pylock.preferences(kept), encoding="utf-8")
        argv += _options(config, target, upgrade)
        argv += _dates(exclude_newer, undated)
        argv += ["--resolution=lowest-direct"] if lowest else []
        _run(argv, Path(folder), config)
        return pylock.wheels(pylock_path.read_text("utf-8"), target=target, session=session)


def _options(config: IndexConfig, target: Target, upgrade: Iterable[str]) -> list[str]:
    options = [
        "--quiet",
        "--no-header",
        "--format=pylock.toml",
        # uv wants some interpreter at hand; the target's version need not be installed.
        f"--python={sys.executable}",
        "--no-python-downloads",
        f"--python-version={target.python}",
        f"--python-platform={target.uv_platform}",
        "--only-binary=:all:",
        *(f"--upgrade-package={name}" for name in upgrade),
    ]
    if config.no_index:
        options.append("--no-index")
    return options


def _dates(exclude_newer: date | None, undated: Iterable[str]) -> list[str]:
    if exclude_newer is None:
        return []
    # An instant and not a date, which uv would read in the time zone of this host.
    midnight = datetime.combine(exclude_newer + timedelta(days=1), time(), tzinfo=UTC)
    return [
        f"--exclude-newer={midnight:%Y-%m-%dT%H:%M:%SZ}",
        *(f"--exclude-newer-package={name}=false" for name in sorted(set(undated))),
    ]


def _run(argv: list[str], folder: Path, config: IndexConfig) -> None:
    import uv  # noqa: PLC0415 - looks for its binary only when there is something to solve

    options, env = [], ONE_OF_SEVERAL | index_config.uv_environment(config)
    # A configuration of uv's own may say more than where indexes are: it stays in force.
    if not any(path.is_file() for path in uv_settings.config_files(os.environ, Path.home())):
        Path(folder, "uv.toml").write_text(index_config.uv_config(config), encoding="utf-8")
        options, env = ["--config-file=uv.toml"], env | OUR_FILE_ALONE
    try:
        process.run(
            [uv.find_uv_bin(), *options, "pip", "compile", *argv],
            cwd=folder,
            env=env,
            timeout_s=TIMEOUT_S,
        )
    except ProcessError as e:
        raise _explained(e, config) from None


def _explained(
    error: ProcessError, config: IndexConfig
) -> SolveError | NetworkError | ProcessError:
    text = error.stderr.strip().removeprefix("error: ")  # ours says so too
    if NO_SOLUTION in text:
        hint = f"looked in {places(config)}; change the manifest's pins or, where a file should"
        return SolveError(f"{text}\n{hint} have been found, {settings(config)}")
    if "Failed to fetch" in text or "error sending request" in text:
        return NetworkError(f"{text}\nlooked in {places(config)}; check pip's or uv's settings")
    return error


def _for_solving(config: IndexConfig, exclude_newer: date | None) -> IndexConfig:
    """Return the config without index folders when dates count: plain files tell no upload time.

    uv would refuse every version that such an index has, even where another index dates it.
    """
    if exclude_newer is None:
        return config
    dated = tuple(
        entry
        for entry in config.extra_index_urls
        if local_path(index_config.without_name(entry)) is None
    )
    if dated != config.extra_index_urls:
        console.debug("exclude-newer: index folders on disk are left out")
    return replace(config, extra_index_urls=dated)


def _checked(lines: Iterable[str]) -> str:
    """Return a requirements file; each line must be a requirement and never an option of uv's."""
    texts = []
    for line in lines:
        try:
            texts.append(f"{Requirement(line)}\n")
        except InvalidRequirement as e:
            msg = f"{line!r} is not a requirement ({e}); mend the manifest"
            raise SolveError(msg) from None
    return "".join(texts)
