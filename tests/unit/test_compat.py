"""`dockwright compat` tells what runs on a GPU host, why other images do not, and what to take."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import pytest

import wheel_maker
from dockwright.composition import gpu_targets
from dockwright.errors import StaleError
from dockwright.spec import layer_lock
from dockwright.spec.axes import Framework
from dockwright.stages import layer_lock as stage

if TYPE_CHECKING:
    from pathlib import Path

    from sample import Sample
    from unit.conftest import Run

CUDA = "pytorch-9.1.0-transformers7.8.0-py311-debian12-inference-cu999"
CPU = "pytorch-9.1.0-transformers7.8.0-py311-debian12-inference-cpu"
SMI = """\
| NVIDIA-SMI 999.20    Driver Version: 999.20    CUDA Version: 99.9 |
|   0  NVIDIA A100-SXM4-40GB   On  | 00000000:37:00.0 Off |       0 |
"""
GPUS = """
gpus:
  - {capability: "7.5", names: [T4], source: https://example.com/gpus}
  - {capability: "8.0", names: [A100], source: https://example.com/gpus}
"""


@pytest.fixture
def known(good: Sample) -> Sample:
    """The sample, whose manifest knows two GPUs."""
    path = good.ws.buildspec_path / "common.yml"
    path.write_text(path.read_text(encoding="utf-8") + GPUS, encoding="utf-8")
    return good


def rows(run: Run, words: str) -> dict[str, list[str]]:
    """Return identifier -> the other columns that are printed."""
    code, out, err = run(f"compat {words}")
    assert (code, err) == (0, "")
    cells = [line.split("  ") for line in out.splitlines()]
    return {row[0]: [cell.strip() for cell in row[1:] if cell.strip()] for row in cells}


@pytest.mark.usefixtures("known")
def test_what_runs_and_what_to_take_instead(run: Run) -> None:
    found = rows(run, "--driver 999.05 --gpu A100")
    assert found[CPU] == ["on the CPU"]
    assert found[CUDA] == ["no", "it needs driver 999.10, the host has 999.05", CPU]
    tensorflow = "tensorflow-8.2.0-transformers4.99.0-py311-debian12-training-cu999"
    assert found[tensorflow] == ["yes"]


@pytest.mark.usefixtures("known")
def test_a_gpu_that_the_framework_has_no_code_for_is_told(run: Run) -> None:
    assert rows(run, "--gpu T4")[CUDA] == ["no", "T4 (sm_75) is none of sm_80, compute_90", CPU]
    assert rows(run, "--gpu sm_120")[CUDA] == ["yes"]


@pytest.mark.usefixtures("known")
def test_nvidia_smi_is_read_from_standard_input(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(SMI.encode())))
    assert rows(run, "-")[CUDA] == ["yes"]


@pytest.mark.usefixtures("known")
def test_without_a_host_the_facts_and_where_they_are_said_are_listed(run: Run) -> None:
    code, out, err = run("compat --json")
    assert (code, err) == (0, "")
    facts = {fact["identifier"]: fact for fact in json.loads(out)}
    fact = facts[CUDA]
    assert (fact["cuda"], fact["driver"]) == ("99.9.1", "999.10")
    assert fact["targets"] == ["sm_80", "compute_90"]
    assert fact["sources"]["cuda"].startswith("nvidia_cuda_runtime")
    assert fact["sources"]["targets"].startswith("torch-9.1.0")
    assert (facts[CPU]["cuda"], facts[CPU]["targets"]) == (None, [])


@pytest.mark.usefixtures("known")
def test_a_gpu_that_nobody_knows_is_refused_with_the_way_out(run: Run) -> None:
    code, out, err = run("compat --gpu A10O")
    assert (code, out) == (1, "")
    assert err.startswith("error: no GPU is called A10O; did you mean 'A100'?; `nvidia-smi --query")


@pytest.mark.usefixtures("known")
def test_a_host_is_told_in_one_way(run: Run, tmp_path: Path) -> None:
    (tmp_path / "smi").write_text(SMI, encoding="utf-8")
    code, _, err = run(f"compat {tmp_path}/smi --gpu T4")
    assert code == 1
    assert "either" in err


def test_targets_that_nobody_has_read_are_not_guessed(known: Sample, run: Run) -> None:
    key = CUDA.removesuffix("-inference-cu999")
    layer_lock.path_of(known.ws.buildspec_path, key).unlink()
    code, out, err = run("compat --gpu T4")
    assert code == 0
    assert f"{CUDA}: it is not known what GPUs it is for; run `dockwright lock --layers`" in err
    assert "cu999       no " not in out


def test_a_layer_lock_without_the_targets_is_stale(good: Sample) -> None:
    variants = good.manifest().variants
    path = layer_lock.path_of(good.ws.buildspec_path, variants[0].release.key)
    text = path.read_text(encoding="utf-8")
    stripped = text.replace(', "targets": ["sm_80", "compute_90"]', "")
    assert stripped != text
    path.write_text(stripped, encoding="utf-8")
    with pytest.raises(StaleError, match=r"lacks .*torch-cu999"):
        stage.check(good.ws, variants)


@pytest.mark.parametrize(
    ("framework", "member", "content", "targets"),
    [
        (
            Framework.PYTORCH,
            "torch/lib/libtorch_python.so",
            b"\x7fELF\0sm_12\0sm_75 sm_80 compute_90a\0sm_90 is\0",
            ("sm_75", "sm_80", "compute_90a"),
        ),
        (
            Framework.TENSORFLOW,
            "tensorflow/python/platform/build_info.py",
            b"[('cuda_compute_capabilities', ['sm_60', 'compute_90']), ('cuda_version', '12.5')]",
            ("sm_60", "compute_90"),
        ),
        (Framework.PYTORCH, "torch/lib/libtorch_python.so", b"of CPUs only", ()),
        (Framework.PYTORCH, "torch/version.py", b"sm_75 sm_80", ()),
    ],
)
def test_targets_are_read_from_the_text_that_the_framework_answers_from(
    tmp_path: Path, framework: Framework, member: str, content: bytes, targets: tuple[str, ...]
) -> None:
    path = wheel_maker.make(tmp_path, {member: content})
    assert gpu_targets.read(framework, path) == targets
