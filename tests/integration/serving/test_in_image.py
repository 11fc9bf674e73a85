"""What needs the framework is tested where it is: in a container of the built image."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from serving_container import Files, ServingImage


def test_the_tests_of_the_serving_package_hold_in_the_image(
    image: ServingImage, runtime_tests: Files
) -> None:
    argv = ("python3", "/tests/runtime/run.py", "/tests/runtime/serving")
    with image.running(*argv, files=runtime_tests, options={"network_mode": "none"}) as run:
        code = run.container.wait(timeout=600)["StatusCode"]
        said = run.log()
    modules = {name for name in runtime_tests if re.fullmatch(r".*/serving/test_\w+\.py", name)}
    ran = set(re.findall(r"(?m)^PASS (\w+)::", said))
    assert code == 0, said
    assert ran == {name.rpartition("/")[2].removesuffix(".py") for name in modules}
