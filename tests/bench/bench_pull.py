"""From a registry to the first answer: our image beside a plain `pip install` one, in turns.

    PYTHONPATH=tests python -m bench.bench_pull [GLOB] [--rounds N] [--json FILE]

Both are of the same wheels, on the same base, in a registry on the loopback. Each is pulled by an
engine that has nothing of it, which is to fetch and to unpack, and then imports its libraries in its
first container. Needs root on Debian, and ten times the image's size.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench import build_meter, build_sides, build_site
from dockwright import console, process, workspace
from dockwright.errors import DockwrightError

if TYPE_CHECKING:
    from bench.build_site import Site

IMAGE = "pytorch-*-transformers5*-inference-cpu"


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """One pull by an engine that has nothing of the image, and the first container."""

    image: str
    round: int
    pull_s: float
    pull_cpu_s: float
    """Of the engine, which unpacks."""
    import_s: float


def references(site: Site, address: str) -> dict[str, str]:
    """Return the images in the registry, as Docker calls them."""
    return {
        "dockwright, assembled": f"{address}/bench/{site.variant.reference}",
        "pip install, BuildKit": f"{address}/{build_sides.PEER_TAG}",
    }


def pulled(site: Site, image: str, reference: str, number: int) -> Sample:
    """Pull an image and import its libraries; nothing of it stays."""
    docker = site.engine.docker
    with build_meter.metered(site.engine_pid) as pull:
        process.run((*docker, "pull", "--quiet", reference), timeout_s=build_sides.TIMEOUT_S)
    module = {"pytorch": "torch"}.get(site.variant.release.framework, "tensorflow")
    code = f"import {module}, transformers"
    with build_meter.metered(site.engine_pid) as first:
        process.run((*docker, "run", "--rm", reference, "python3", "-c", code), timeout_s=600)
    build_sides.clear(site)
    return Sample(
        image=image,
        round=number,
        pull_s=round(pull.seconds, 3),
        pull_cpu_s=round(pull.cpu_s, 2),
        import_s=round(first.seconds, 3),
    )


def measured(site: Site, rounds: int) -> list[Sample]:
    """Push both images once, and pull them in turns."""
    with build_site.registry(site) as registry:
        build_sides.warm_up(site)
        build_sides.peer(site, registry)
        build_sides.assemble(site, registry)
        build_sides.clear(site)
        samples = []
        for number in range(1, rounds + 1):
            turns = list(references(site, registry.address).items())
            for image, reference in turns if number % 2 else reversed(turns):
                sample = pulled(site, image, reference, number)
                console.say(
                    f"round {number}: {image}: {sample.pull_s} s, {sample.import_s} s to import"
                )
                samples.append(sample)
    return samples


def rows(samples: list[Sample]) -> list[tuple[str, ...]]:
    """Return the medians of each image."""
    made = []
    for image in dict.fromkeys(sample.image for sample in samples):
        mine = [sample for sample in samples if sample.image == image]
        figures = (
            statistics.median(figure)
            for figure in zip(*((s.pull_s, s.pull_cpu_s, s.import_s) for s in mine), strict=True)
        )
        made.append((image, str(len(mine)), *(f"{figure:.1f}" for figure in figures)))
    return made


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("image", nargs="?", default=IMAGE, help="the first that this glob picks")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all samples there")
    arguments = parser.parse_args()
    try:
        with build_site.opened(workspace.find(Path(__file__).parent), arguments.image) as site:
            samples = measured(site, arguments.rounds)
    except DockwrightError as e:
        console.error(str(e))
        sys.exit(e.exit_code)
    console.table(("IMAGE", "ROUNDS", "PULL S", "PULL CPU S", "IMPORT S"), rows(samples))
    if arguments.json:
        text = console.as_json([asdict(sample) for sample in samples])
        arguments.json.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
