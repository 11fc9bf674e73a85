"""The examples, where their frameworks are: in containers of the built images."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from training_container import Job

if TYPE_CHECKING:
    from serving_container import Files
    from training_container import TrainingImage


def test_the_tests_of_the_examples_hold_in_the_image(
    image: TrainingImage, runtime_tests: Files
) -> None:
    argv = ("python3", "/opt/ml/tests/runtime/run.py", "/opt/ml/tests/runtime/training")
    with image.running(Job(files=runtime_tests), *argv, network_mode="none") as run:
        code, said = run.wait(timeout_s=300), run.log()
    modules = {m[1] for name in runtime_tests if (m := re.search(r"training/(test_\w+)\.py", name))}
    assert code == 0, said
    assert set(re.findall(r"(?m)^PASS (\w+)::", said)) == modules
