"""uv solves for the target from wherever this host gets its packages."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from packaging.version import Version

from dockwright.clients import index_config
from dockwright.clients.index_config import IndexConfig
from dockwright.clients.index_session import session
from dockwright.clients.uv import compile_requirements
from dockwright.clients.wheel_files import Target
from dockwright.errors import NetworkError, SolveError
from dockwright.spec import manifest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dockwright.clients.index_session import Session

BUILDSPEC = Path(__file__).parents[2] / "buildspec"
DEBIAN12 = Target(python="3.11", glibc="2.36")
TENSORFLOW = (
    "tensorflow-cpu==2.21.0",
    "tf-keras==2.21.0",
    "transformers==4.57.6",
    "datasets<5",
)


@pytest.fixture(scope="module")
def host() -> Iterator[Session]:
    """A session on this host's indexes and the manifest's further ones."""
    further = manifest.load(BUILDSPEC).common.indexes
    with session(index_config.read(further)) as opened:
        yield opened


def test_the_pytorch_cpu_set_is_solved_with_the_cpu_build_of_torch(host: Session) -> None:
    pins = ("torch==2.13.0+cpu", "transformers==5.23.0", "accelerate==1.15.0", "datasets==5.2.0")
    wheels = {w.name: w for w in compile_requirements(pins, target=DEBIAN12, session=host)}
    assert wheels["torch"].filename == "torch-2.13.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl"
    assert wheels["torch"].size_bytes > 100_000_000
    assert not [name for name in wheels if name.startswith(("nvidia", "cuda", "triton"))]
    assert {"numpy", "tokenizers", "huggingface-hub", "pyarrow"} <= set(wheels)
    assert sum(wheel.size_bytes for wheel in wheels.values()) > 250_000_000


def test_an_excluded_distribution_stays_out_and_an_override_does_the_same(host: Session) -> None:
    excluded = compile_requirements(
        TENSORFLOW, target=DEBIAN12, session=host, excludes=["tensorflow"]
    )
    overridden = compile_requirements(
        TENSORFLOW,
        target=DEBIAN12,
        session=host,
        overrides=["tensorflow; python_version < '0'"],
    )
    assert [w.name for w in excluded if w.name.startswith("tensorflow")] == ["tensorflow-cpu"]
    assert excluded == overridden


def test_markers_are_those_of_the_target_and_not_of_this_host(host: Session) -> None:
    lines = ["idna; python_version >= '3.13'", "six; python_version < '3.13'"]
    newer = Target(python="3.13", glibc="2.41")
    assert [w.name for w in compile_requirements(lines, target=newer, session=host)] == ["idna"]
    assert [w.name for w in compile_requirements(lines, target=DEBIAN12, session=host)] == ["six"]


def test_what_came_after_the_day_is_left_out(host: Session) -> None:
    (wheel,) = compile_requirements(
        ["certifi"], target=DEBIAN12, session=host, exclude_newer=date(2026, 1, 31)
    )
    assert Version("2025.11") <= Version(wheel.version) < Version("2026.2")


def test_locked_versions_stay_until_they_are_named_for_an_upgrade(host: Session) -> None:
    locked = compile_requirements(["idna==3.6", "six==1.16.0"], target=DEBIAN12, session=host)
    kept = compile_requirements(["idna", "six"], target=DEBIAN12, session=host, locked=locked)
    assert kept == locked
    idna, six = compile_requirements(
        ["idna", "six"], target=DEBIAN12, session=host, locked=locked, upgrade=["idna"]
    )
    assert Version(idna.version) > Version("3.6")
    assert six == locked[1]


def test_a_conflict_is_told_in_uvs_words(host: Session) -> None:
    lines = ["transformers==4.57.6", "huggingface-hub>=2"]
    with pytest.raises(SolveError, match=r"transformers==4\.57\.6 depends on huggingface-hub"):
        compile_requirements(lines, target=DEBIAN12, session=host)


def test_a_build_that_no_place_has_is_told_with_places_and_settings(host: Session) -> None:
    with pytest.raises(SolveError) as caught:
        compile_requirements(["torch==2.13.0+nosuch"], target=DEBIAN12, session=host)
    for text in (
        "torch==2.13.0+nosuch",
        "looked in ",
        "https://",
        "find-links",
        "DOCKWRIGHT_INDEX_",
    ):
        assert text in str(caught.value)


def test_a_setting_in_somebodys_shell_does_not_change_the_solution(
    host: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = tmp_path / "policy.txt"
    policy.write_text("idna<3\n", encoding="utf-8")
    monkeypatch.setenv("UV_CONSTRAINT", str(policy))
    (wheel,) = compile_requirements(["idna"], target=DEBIAN12, session=host)
    assert Version(wheel.version) > Version("3")


def test_a_line_that_is_an_option_is_refused(host: Session) -> None:
    with pytest.raises(SolveError, match="is not a requirement"):
        compile_requirements(["--index-url=http://x.invalid"], target=DEBIAN12, session=host)


def test_an_index_that_cannot_be_reached_is_a_network_error_without_credentials(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    config = IndexConfig(index_url="http://user:secret@127.0.0.1:9/simple")
    with session(config) as opened, pytest.raises(NetworkError) as caught:
        compile_requirements(["idna"], target=DEBIAN12, session=opened)
    assert "http://***@127.0.0.1:9/simple" in str(caught.value)
    assert "secret" not in str(caught.value)
