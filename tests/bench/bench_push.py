"""How fast an image is pushed to a registry on loopback, beside `skopeo copy` of the same layout.

    PYTHONPATH=tests python -m bench.bench_push [--json] [--rounds N]

Both are measured as whole processes, in turns, each against an empty registry of its own; what
counts is the median of the rounds' ratios. Then the whole matrix, as small images, is pushed twice,
and once more with one layer of each image changed. Fails when a target is missed.
"""

from __future__ import annotations

import argparse
import random
import shutil
import statistics
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import debian_programs
import images
from dockwright import console, process, workspace
from dockwright.clients import image_files, registry_server
from dockwright.clients.registry import session
from dockwright.composition import image as documents
from dockwright.composition import image_layout
from dockwright.composition.image import Step
from dockwright.workspace import Workspace
from publishing import Publisher
from sample import Sample

if TYPE_CHECKING:
    from collections.abc import Iterator

LAYER_MB = (192, 38, 37, 19, 10, 10, 6, 2, 2, 1)
"""About those of a PyTorch image for CPUs."""
ROUNDS = 5
RATE_TARGET, AGAIN_TARGET_S = 0.8, 2.0
PUSH = """\
import sys
from pathlib import Path
from dockwright.clients import image_files
from dockwright.clients.registry import Repository, session
from dockwright.clients.registry_push import push
address, layout, digest = sys.argv[1:]
image = image_files.in_layout(Path(layout), digest)
with session(address) as its:
    push(Repository(session=its, name="bench/image"), image, tags=["1"])
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """What was measured."""

    image_bytes: int
    push_s: list[float]
    skopeo_s: list[float]
    rate_ratio: float
    """The median of skopeo's seconds by ours: 1 is as fast."""
    images: int
    again_s: float
    """For a push of all images that are there already."""
    changed_bytes: int
    """Of the layers and configurations that differ in the next images."""
    sent_bytes: int

    @property
    def is_met(self) -> bool:
        return (
            self.rate_ratio >= RATE_TARGET
            and self.again_s < AGAIN_TARGET_S
            and self.sent_bytes == self.changed_bytes
        )


def layout(folder: Path) -> tuple[Path, str, int]:
    """Write an image of layers as large as real ones; return its layout, digest and size."""
    layers = [
        images.layer(folder / "blobs", {f"data-{n}": random.Random(n).randbytes(mb * 1_000_000)})  # noqa: S311
        for n, mb in enumerate(LAYER_MB)
    ]
    config = documents.image_config(
        architecture="amd64",
        epoch=images.EPOCH,
        steps=[Step(created_by="a benchmark", diff_id=diff_id) for _, diff_id in layers],
        env={},
        labels={},
        entrypoint=(),
    )
    made = documents.assembled(config, [blob for blob, _ in layers])
    path = folder / "layout"
    image_layout.write(path, made, reference="bench:1")
    return path, made.digest, made.size_bytes


def raced(ws: Workspace, folder: Path, rounds: int) -> tuple[int, list[float], list[float]]:
    """Return the image's bytes, and the seconds of each push and of each of skopeo's."""
    path, digest, size_bytes = layout(folder)
    skopeo, env = debian_programs.skopeo(ws, folder / "skopeo")
    ours: list[float] = []
    theirs: list[float] = []
    for number in range(rounds):
        for is_ours in (True, False) if number % 2 else (False, True):
            with emptied(ws, folder / "registry") as address:
                if is_ours:
                    ours.append(timed((sys.executable, "-c", PUSH, address, str(path), digest), {}))
                    continue
                options = ("--dest-tls-verify=false", "--format", "v2s2")
                there = (f"oci:{path}", f"docker://{address}/bench/image:1")
                theirs.append(timed((*skopeo, "copy", "--quiet", *options, *there), env))
                shutil.rmtree(folder / "skopeo" / "data", ignore_errors=True)
    return size_bytes, ours, theirs


@contextmanager
def emptied(ws: Workspace, folder: Path) -> Iterator[str]:
    """Run a registry that has nothing, for the length of a block; yield its address."""
    try:
        with registry_server.temporary(registry_server.site(ws, folder)) as address:
            yield address
    finally:
        shutil.rmtree(folder)


def timed(argv: tuple[str, ...], env: dict[str, str]) -> float:
    started = time.monotonic()
    process.run(argv, env=env, timeout_s=600)
    return round(time.monotonic() - started, 2)


def repeated(ws: Workspace, folder: Path) -> tuple[int, float, int, int]:
    """Return how many images there are, the seconds of their second push, and a bump's bytes."""
    root = folder / "checkout"
    for name in ("buildspec", "images"):
        shutil.copytree(ws.root / name, root / name)
    its = Sample(ws=Workspace(root=root, home=folder / "home"))
    publisher = Publisher(sample=its, folder=folder / "layouts", glob="*")
    with emptied(ws, folder / "registry") as address, session(address) as open_session:
        publisher.build(1)
        publisher.push(open_session)
        started = time.monotonic()
        publisher.push(open_session)
        again_s = round(time.monotonic() - started, 2)
        before = set(blobs_of(publisher))
        publisher.build(2)
        changed = {d: size for d, size in blobs_of(publisher).items() if d not in before}
        sent = sum(record.sent_bytes for record in publisher.push(open_session))
    return len(publisher.digests), again_s, sum(changed.values()), sent


def blobs_of(publisher: Publisher) -> dict[str, int]:
    """Return the size of every layer and configuration of the images, by digest."""
    found: dict[str, int] = {}
    for identifier, digest in publisher.digests.items():
        image = image_files.in_layout(publisher.folder / identifier, digest)
        assert image is not None
        found |= {blob.digest: blob.size_bytes for blob in image.blobs}
        found[image.config_digest] = len(image.config)
    return found


def main() -> None:
    """Measure, print, and leave with 1 when a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args()
    today = workspace.find(Path(__file__).parent)
    with tempfile.TemporaryDirectory(prefix="dockwright-bench-") as folder:
        size_bytes, ours, theirs = raced(today, Path(folder, "race"), options.rounds)
        count, again_s, changed, sent = repeated(today, Path(folder, "again"))
    report = Report(
        image_bytes=size_bytes,
        push_s=ours,
        skopeo_s=theirs,
        rate_ratio=round(statistics.median(t / o for o, t in zip(ours, theirs, strict=True)), 2),
        images=count,
        again_s=again_s,
        changed_bytes=changed,
        sent_bytes=sent,
    )
    if options.json:
        console.out_json(asdict(report))
    else:
        _print(report)
    sys.exit(not report.is_met)


def _print(report: Report) -> None:
    size = console.human_bytes(report.image_bytes)
    ours, theirs = statistics.median(report.push_s), statistics.median(report.skopeo_s)
    changed, sent = (console.human_bytes(n) for n in (report.changed_bytes, report.sent_bytes))
    console.table(
        ("WHAT", "MEASURED", "TARGET"),
        (
            (f"rate of a push of {size}, by skopeo's", f"{report.rate_ratio}", f"{RATE_TARGET}"),
            ("  seconds, ours and skopeo's", f"{ours:.2f}, {theirs:.2f}", ""),
            (
                f"push of {report.images} images that are there",
                f"{report.again_s} s",
                f"{AGAIN_TARGET_S} s",
            ),
            ("bytes sent after a bump", sent, changed),
        ),
    )


if __name__ == "__main__":
    main()
