"""Bake targets in; images in the engine's store, by digest, out."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from dockwright import ci, console, process
from dockwright.builders.bake import bake_file
from dockwright.builders.progress import Progress, line_of, running_lines
from dockwright.errors import BuildError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from dockwright.builders.bake import Target
    from dockwright.clients.engine import Engine

NAME = "buildkit"
OWN = "docker"
"""The driver of the engine's own builder; what others build is sent to the engine."""
INSPECT_S = 60
CACHE_SETTING = "DOCKWRIGHT_BUILDKIT_CACHE"


def build(engine: Engine, targets: Sequence[Target], *, no_cache: bool = False) -> dict[str, str]:
    """Build all targets in one bake; return identifier -> manifest digest.

    Raises BuildError with the failed steps' logs. Nothing is tagged that did not build.
    """
    is_loaded = driver(engine) != OWN
    with tempfile.TemporaryDirectory(prefix="dockwright-bake-") as folder:
        bake_path = Path(folder, "bake.json")
        definition = bake_file(
            targets,
            no_cache=no_cache,
            is_loaded=is_loaded,
            cache=os.environ.get(CACHE_SETTING),
        )
        bake_path.write_text(console.as_json(definition))
        metadata_path = Path(folder, "metadata.json")
        argv = [*engine.buildx, "bake", "--file", bake_path, "--metadata-file", metadata_path]
        with ci.fold("build log"):
            _run([*map(str, argv), "--progress=rawjson"], engine)
        metadata = json.loads(metadata_path.read_text())
    return {
        target.variant.identifier: metadata[target.name]["containerimage.digest"]
        for target in targets
    }


def driver(engine: Engine) -> str:
    """Return where buildx builds: BUILDX_BUILDER, or `docker buildx use`, has chosen its builder."""
    told = process.run((*engine.buildx, "inspect"), env=engine.env, timeout_s=INSPECT_S)
    facts = dict(line.partition(":")[::2] for line in told.splitlines())
    return facts["Driver"].strip()


def _run(argv: Sequence[str], engine: Engine) -> None:
    progress = Progress()
    with process.streaming(argv, env=engine.env) as (running, lines), _display(progress) as show:
        for line in lines:
            for step in progress.feed(line):
                if told := line_of(step):
                    show(told)
        code = running.wait()
    if code != 0:
        msg = f"the build failed:\n{progress.failure()}"
        raise BuildError(msg)


@contextmanager
def _display(progress: Progress) -> Iterator[Callable[[str], None]]:
    """Show finished steps as lines and, on a terminal, the running ones below them."""
    if ci.is_ci() or not sys.stderr.isatty():
        yield console.say
        return
    from rich.live import Live  # noqa: PLC0415 - only a terminal needs it

    live = Live(
        get_renderable=lambda: "\n".join(running_lines(progress)),
        console=console.stderr(),
        refresh_per_second=4,
        transient=True,
    )
    with live:
        yield live.console.print
