"""A GPU host, or what its `nvidia-smi` prints, and an image in; what keeps the one off the other, out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dockwright.errors import DockwrightError
from dockwright.spec import gpu, offer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dockwright.spec.gpu import Gpu
    from dockwright.spec.model import Common
    from dockwright.spec.offer import Offer

DRIVER = re.compile(r"Driver Version:\s*([0-9]+(?:\.[0-9]+)+)")
# A row of the table, by the column after the name: whether the GPU stays on while nobody uses it.
GPU_ROW = re.compile(r"^\|\s+[0-9]+\s+(\S.*?)\s+(?:On|Off|N/A|WDDM|TCC)\s+\|", re.MULTILINE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Host:
    """What is known of a machine that an image shall run on."""

    driver: str | None
    gpus: tuple[Gpu, ...]


def read(text: str, common: Common) -> Host:
    """Return the host whose `nvidia-smi` printed this table."""
    found = DRIVER.search(text)
    if found is None:
        msg = "this is not what `nvidia-smi` prints: it has no `Driver Version:`"
        raise DockwrightError(msg)
    names = dict.fromkeys(GPU_ROW.findall(text))
    return Host(driver=found[1], gpus=tuple(gpu.gpu(common, name) for name in names))


def objections(image: Offer, targets: Sequence[str] | None, host: Host) -> tuple[str, ...]:
    """Return everything that keeps an image off a host; nothing when it runs there.

    `targets` are what its framework is compiled for; None where that is not known.
    """
    found = []
    if not offer.runs_on(image, host.driver):
        found.append(f"it needs driver {image.driver}, the host has {host.driver}")
    if image.kind == "gpu" and targets:
        found += [
            f"{_called(one)} is none of {', '.join(targets)}"
            for one in host.gpus
            if one.capability is not None and not gpu.runs(targets, one.capability)
        ]
    return tuple(found)


def _called(one: Gpu) -> str:
    shown = f"sm_{one.capability}".replace(".", "")
    return shown if one.name == shown else f"{one.name} ({shown})"
