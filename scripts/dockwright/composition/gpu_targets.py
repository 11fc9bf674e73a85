"""A framework's wheel in; the GPUs that it says to be compiled for, out.

Each framework can be asked for it at run time, and answers from a text in its wheel: that is read.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dockwright.composition.assemble import wheel_archive
from dockwright.spec.axes import Framework

if TYPE_CHECKING:
    from pathlib import Path

    from dockwright.composition.layers import WheelLayer
    from dockwright.spec.lock import Wheel
    from dockwright.spec.variants import Release

# What torch.cuda.get_arch_list() and tf.sysconfig.get_build_info() answer from.
MEMBERS = {
    Framework.PYTORCH: "torch/lib/libtorch_python.so",
    Framework.TENSORFLOW: "tensorflow/python/platform/build_info.py",
}
ONE = rb"(?:sm|compute)_[1-9][0-9]{1,2}[af]?"
LIST = re.compile(ONE + rb"(?:(?: |', ')" + ONE + rb")+")


def framework_wheel(release: Release, layer: WheelLayer) -> Wheel | None:
    """Return the wheel in a layer that carries the release's framework for GPUs, if one does."""
    gpu = {a.name: release.distribution(a).name for a in release.accelerators if a.kind == "gpu"}
    names = {gpu[a] for a in (folder.split("/")[1] for folder in layer.used_by) if a in gpu}
    return next((wheel for wheel in layer.wheels if wheel.name in names), None)


def read(framework: Framework, path: Path) -> tuple[str, ...]:
    """Return a wheel's targets as it lists them; none when it does not say."""
    with wheel_archive.opened(path) as archive:
        member = archive.members.get(MEMBERS[framework])
        found = LIST.findall(archive.read(member)) if member is not None else []
    longest = max(found, key=len, default=b"")
    return tuple(target.decode() for target in re.findall(ONE, longest))
