"""Image names for code that uses the SageMaker Python SDK: its `image_uris.retrieve`, for our images.

from dockwright import image_uris

image_uris.retrieve(
    "huggingface",
    version="5.23",
    base_framework_version="pytorch2.13",
    image_scope="inference",
    instance_type="ml.g5.xlarge",
    registry="ghcr.io/team",
)
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from dockwright import workspace
from dockwright.errors import NothingSelectedError
from dockwright.spec.offer import Wanted
from dockwright.stages import choose

if TYPE_CHECKING:
    from dockwright.workspace import Workspace

FRAMEWORK = re.compile(r"(?P<name>[a-z]+)(?P<version>[0-9][0-9.]*)?")
PYTHON = re.compile(r"py(?P<major>\d)(?P<minor>\d+)")
GPU_FAMILY = re.compile(r"ml\.[gp]\d")
OTHER_FAMILY = re.compile(r"ml\.(inf|trn|dl)\d")
CUDA = re.compile(r"cu\d{3}")


def retrieve(
    framework: str,
    region: str | None = None,
    version: str | None = None,
    py_version: str | None = None,
    instance_type: str | None = None,
    *,
    image_scope: str | None = None,
    base_framework_version: str | None = None,
    container_version: str | None = None,
    registry: str | None = None,
    flavor: str | None = None,
) -> str:
    """Return the name of the newest image that fits, or raise what tells the nearest ones.

    `framework` is `huggingface`, `version` then that of Transformers; or `pytorch` or `tensorflow`,
    `version` then their own. Both may be of a line: `5.23` is its newest release. `instance_type`
    tells CPU from GPU; `container_version` may name a CUDA, such as `cu128-debian12`. The images
    are the same in each region: `registry` (`HOST[/PATH]`) is where they are. `flavor` is the word
    of a team's images, those of the overlay that DOCKWRIGHT_SPEC names.

    What there is comes from the catalogue that DOCKWRIGHT_CATALOG names, a `catalog.json`; one of a
    registry names its images there, and needs no `registry`. Else it comes from the manifest of the
    checkout that the program runs in, and `registry` is asked which of it is there. A yanked image
    is never named: a warning tells which newer one was passed over, and why.
    """
    del region
    is_huggingface = framework == "huggingface"
    of = _framework(base_framework_version if is_huggingface else framework)
    wanted = Wanted(
        framework=of[0],
        job=image_scope,
        accelerator=_accelerator(instance_type, container_version),
        version=of[1] if is_huggingface else version,
        transformers=version if is_huggingface else None,
        python=_python(py_version),
        flavor=flavor,
    )

    def find() -> Workspace:
        return workspace.find(Path.cwd(), workspace.overlay())

    return choose.choose(wanted, registry=registry, find=find).reference


def _framework(text: str | None) -> tuple[str | None, str | None]:
    """Return name and version of what the SDK writes as one word.

    >>> _framework("pytorch2.13.0"), _framework("tensorflow"), _framework(None)
    (('pytorch', '2.13.0'), ('tensorflow', None), (None, None))
    """
    if text is None:
        return None, None
    match = FRAMEWORK.fullmatch(text)
    if match is None:
        msg = f"{text!r} is not a framework; write one such as 'pytorch2.13.0'"
        raise NothingSelectedError(msg)
    return match["name"], match["version"]


def _python(text: str | None) -> str | None:
    """Return a version as the manifest has it.

    >>> _python("py311"), _python("3.11")
    ('3.11', '3.11')
    """
    match = PYTHON.fullmatch(text) if text else None
    return f"{match['major']}.{match['minor']}" if match else text


def _accelerator(instance_type: str | None, container_version: str | None) -> str | None:
    """Return what an instance has, or the very CUDA that is asked for.

    >>> _accelerator("ml.g5.xlarge", None), _accelerator("local", None)
    ('gpu', 'cpu')
    >>> _accelerator("ml.p4d.24xlarge", "cu128-debian12")
    'cu128'
    """
    if container_version and (cuda := CUDA.search(container_version)):
        return cuda[0]
    if instance_type is None:
        return None
    if OTHER_FAMILY.match(instance_type):
        msg = f"there is no image for {instance_type}; there are images for CPUs and NVIDIA GPUs"
        raise NothingSelectedError(msg)
    is_gpu = instance_type == "local_gpu" or GPU_FAMILY.match(instance_type)
    return "gpu" if is_gpu else "cpu"
