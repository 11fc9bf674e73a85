"""The GPUs that locks say frameworks are compiled for are those that the real wheels say."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from dockwright.clients import index_config
from dockwright.composition import gpu_targets, wheel_fetch, wheels
from dockwright.spec import manifest
from dockwright.spec.axes import Framework
from dockwright.stages import layer_lock

if TYPE_CHECKING:
    from dockwright.workspace import Workspace


@pytest.mark.full
@pytest.mark.parametrize("framework", list(Framework))
def test_the_wheel_says_what_its_layer_s_lock_tells(
    checkout: Workspace, framework: Framework
) -> None:
    variants = [
        v
        for v in manifest.load(checkout.buildspec_path).variants
        if v.release.framework is framework and v.accelerator.kind == "gpu"
    ]
    subject = layer_lock.subjects(checkout, variants)[0]
    ((name, wheel),) = subject.frameworks.items()
    wheel_fetch.fetch(
        checkout.wheels_path,
        [wheel],
        index_config.read(),
        folders=wheel_fetch.carried_folders(os.environ),
    )
    (locked,) = (layer for layer in subject.committed.layers if layer.name == name)
    targets = gpu_targets.read(framework, wheels.path_of(checkout.wheels_path, wheel))
    assert targets == locked.targets
    assert targets
