"""requirements.txt beside the script is installed under the image's pins, without a network too."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import wheel_maker
from training_container import Job

if TYPE_CHECKING:
    from pathlib import Path

    from training_container import TrainingImage

SCRIPT = """
import mine, packaging, subprocess, sys
print(mine.VERSION, packaging.VERSION if hasattr(packaging, "VERSION") else "the image's own")
subprocess.run([sys.executable, "-c", "import mine"], check=True)
"""


def wheels(folder: Path) -> dict[str, bytes]:
    """Return wheels to put beside the script: one the image lacks, and an old one of its own."""
    made = [
        wheel_maker.make(
            folder, {f"{name}.py": f"VERSION = {version!r}\n".encode()}, name=name, version=version
        )
        for name, version in (("mine", "1.0"), ("packaging", "1.0"))
    ]
    return {f"code/wheels/{path.name}": path.read_bytes() for path in made}


@pytest.mark.parametrize(
    ("lines", "env", "told"),
    [
        ("mine==1.0\nboto3", {}, "1.0 the image's own"),
        ("mine\npackaging==1.0", {"TRAINING_IGNORE_PINS": "true"}, "1.0 1.0"),
    ],
    ids=["under the pins", "the pins ignored"],
)
def test_wheels_beside_the_file_are_installed_for_all_processes(
    image: TrainingImage, tmp_path: Path, lines: str, env: dict[str, str], told: str
) -> None:
    required = f"--no-index\n--find-links wheels\n{lines}\n".encode()
    job = Job(script=SCRIPT, files=wheels(tmp_path) | {"code/requirements.txt": required})
    with image.running(job, env=env, network_mode="none") as run:
        assert run.wait() == 0, run.log()
        assert f"\n{told}\n" in run.log()


def test_a_conflict_further_down_names_the_pin(image: TrainingImage, tmp_path: Path) -> None:
    metadata = b"Metadata-Version: 2.1\nName: outer\nVersion: 1.0\nRequires-Dist: packaging<2\n"
    outer = wheel_maker.make(
        tmp_path / "outer", {"outer-1.0.dist-info/METADATA": metadata}, name="outer"
    )
    files = wheels(tmp_path) | {f"code/wheels/{outer.name}": outer.read_bytes()}
    required = b"--no-index\n--find-links wheels\nouter\n"
    job = Job(script="print('never')", files=files | {"code/requirements.txt": required})
    with image.running(job, network_mode="none") as run:
        assert run.wait() == 69, run.log()
        assert "it conflicts with what the image has, packaging==" in run.failure()
        assert run.failure().endswith("TRAINING_IGNORE_PINS=true to replace the image's packages")
