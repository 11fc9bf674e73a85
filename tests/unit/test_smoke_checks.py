"""Checks are found by trait, read without being run, and packed for the image."""

from __future__ import annotations

import fnmatch
import io
import json
import tarfile
from pathlib import Path

import pytest
from docker.errors import DockerException

from dockwright.errors import SmokeError
from dockwright.spec import manifest
from dockwright.spec.axes import Accelerator, Framework, Job
from dockwright.spec.records import CheckRecord, SmokeRecord, Status
from dockwright.stages.smoke import checks
from dockwright.stages.smoke.checks import Check, CheckDeferredError, CheckFailedError
from dockwright.stages.smoke.run import execute, require_passed
from dockwright.stages.smoke.session import LIMIT_S, verdict

ROOT = Path(__file__).parents[2]
SMOKE = ROOT / "tests" / "smoke"
TRAITS = {
    "common",
    *(framework.value for framework in Framework),
    *(job.value for job in Job),
    Accelerator("cpu").trait,
    Accelerator("cu132").trait,
}


def test_every_trait_has_a_check_and_every_folder_is_a_trait() -> None:
    folders = {path.name for path in SMOKE.iterdir() if path.is_dir()} - {"__pycache__"}
    assert folders == TRAITS
    assert len(checks.discover(SMOKE, sorted(TRAITS))) >= len(TRAITS)


def test_every_variant_has_only_known_traits() -> None:
    variants = manifest.load(ROOT / "buildspec").variants
    assert {trait for variant in variants for trait in variant.traits} <= TRAITS


def test_every_check_says_what_it_promises() -> None:
    silent = [
        path.name
        for path in SMOKE.rglob("check_*.py")
        if not path.read_text(encoding="utf-8").startswith('"""')
    ]
    assert not silent


def test_every_optional_library_has_a_reason() -> None:
    text = (SMOKE / "common" / "optional_libraries.json").read_text(encoding="utf-8")
    for entry in json.loads(text):
        assert entry.keys() == {"images", "file", "needs", "reason"}
        assert len(entry["reason"]) > 20


def test_every_optional_library_is_one_of_images_that_there_are() -> None:
    text = (SMOKE / "common" / "optional_libraries.json").read_text(encoding="utf-8")
    identifiers = [variant.identifier for variant in manifest.load(ROOT / "buildspec").variants]
    for entry in json.loads(text):
        assert fnmatch.filter(identifiers, entry["images"]), f"{entry['images']} is no image"


def test_traits_without_a_check_are_named_together(tmp_path: Path) -> None:
    (tmp_path / "common").mkdir()
    (tmp_path / "common" / "check_one.py").write_text("")
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu" / "helper.py").write_text("")
    with pytest.raises(SmokeError, match=r"tests/smoke/cpu, tests/smoke/training"):
        checks.discover(tmp_path, ["common", "cpu", "training"])


def test_what_a_check_declares_is_read_from_its_top_level_only(tmp_path: Path) -> None:
    (tmp_path / "cuda").mkdir()
    script = tmp_path / "cuda" / "check_gpu.py"
    script.write_text("raise SystemExit('never run')\nNEEDS_GPU = True\nPRISTINE = False\n")
    (check,) = checks.discover(tmp_path, ["cuda"])
    assert check.name == "cuda/check_gpu"
    assert check.path == "/smoke/cuda/check_gpu.py"
    assert check.needs_gpu
    assert not check.is_pristine


@pytest.mark.parametrize(
    "source",
    ["", "NEEDS_GPU = False", "NEEDS_GPU = 1", "# NEEDS_GPU = True", "if x:\n    NEEDS_GPU = True"],
)
def test_only_a_plain_true_defers_a_check(source: str) -> None:
    assert not checks.declares(source, "NEEDS_GPU")


def test_the_tar_holds_checks_helpers_and_facts_and_nothing_compiled(tmp_path: Path) -> None:
    (tmp_path / "common" / "__pycache__").mkdir(parents=True)
    (tmp_path / "common" / "__pycache__" / "elf.pyc").write_text("")
    (tmp_path / "common" / "check_one.py").write_text("print('one')")
    (tmp_path / "common" / "elf.py").write_text("")
    (tmp_path / "cuda").mkdir()
    (tmp_path / "cuda" / "check_gpu.py").write_text("")
    with tarfile.open(fileobj=io.BytesIO(checks.pack(tmp_path, ["common"], {"job": "x"}))) as tar:
        files = {m.name: tar.extractfile(m) for m in tar if m.isfile()}
        assert set(files) == {
            "smoke/common/check_one.py",
            "smoke/common/elf.py",
            "smoke/facts.json",
        }
        facts = files["smoke/facts.json"]
        assert facts is not None
        assert json.load(facts) == {"job": "x"}


def test_a_passed_check_is_told_by_its_last_line() -> None:
    assert verdict(0, "working\n42 found\n\n", "a warning") == "42 found"
    assert verdict(0, "", "a warning") == ""


def test_a_failed_assertion_is_told_by_its_message_and_what_was_said_before() -> None:
    traceback = (
        "a warning\nTraceback (most recent call last):\n"
        '  File "/smoke/common/check_x.py", line 3, in <module>\n'
        "    assert not lost, text\n"
        "AssertionError: nowhere:\nlibfoo.so\n"
    )
    with pytest.raises(CheckFailedError) as failed:
        verdict(1, "step 1\n", traceback)
    assert str(failed.value).splitlines() == [
        "nowhere:",
        "libfoo.so",
        "  | step 1",
        "  | a warning",
    ]


def test_an_assertion_without_words_is_told_by_its_source() -> None:
    traceback = (
        "Traceback (most recent call last):\n"
        '  File "x.py", line 3, in <module>\n    assert a == b\nAssertionError\n'
    )
    with pytest.raises(CheckFailedError, match=r"^assert a == b$"):
        verdict(1, "", traceback)


def test_any_other_failure_shows_the_end_of_the_output() -> None:
    error = "Traceback (most recent call last):\nModuleNotFoundError: No module named 'torch'\n"
    with pytest.raises(CheckFailedError, match=r"^exit code 1\n.*\n  \| ModuleNotFoundError"):
        verdict(1, "", error)
    with pytest.raises(CheckFailedError, match=f"time limit of {LIMIT_S} s"):
        verdict(124, "", "")
    with pytest.raises(CheckFailedError, match="exit code None"):
        verdict(None, "", "")


def found(message: str, error: type[Exception] | None = None) -> str:
    if error is not None:
        raise error(message)
    return message


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (None, Status.PASSED),
        (CheckFailedError, Status.FAILED),
        (CheckDeferredError, Status.DEFERRED),
        (DockerException, Status.FAILED),
    ],
)
def test_every_end_of_a_check_has_its_status_and_words(
    error: type[Exception] | None, status: Status
) -> None:
    record = execute("common/check_x", lambda: found("3 lost", error))
    assert (record.name, record.status) == ("common/check_x", status)
    assert "3 lost" in record.detail


def test_a_gpu_is_asked_of_no_check_that_needs_none() -> None:
    plain = Check(name="cpu/check_x", needs_gpu=False, is_pristine=False)
    gpu = Check(name="cuda/check_x", needs_gpu=True, is_pristine=False)
    checks.require_gpu(plain, has_gpu=False)
    checks.require_gpu(gpu, has_gpu=True)
    with pytest.raises(CheckDeferredError, match="needs gpu"):
        checks.require_gpu(gpu, has_gpu=False)


def test_failed_checks_are_all_named_and_deferred_ones_do_not_fail() -> None:
    def record(identifier: str, **statuses: Status) -> SmokeRecord:
        return SmokeRecord(
            checks_sha256="c" * 64,
            identifier=identifier,
            digest="sha256:0",
            finished_at="2026-11-22T12:00:00+00:00",
            seconds=1.0,
            checks=tuple(
                CheckRecord(name=name, status=status, seconds=1.0, detail="")
                for name, status in statuses.items()
            ),
        )

    fine = record("one", a=Status.PASSED, b=Status.DEFERRED)
    require_passed([fine])
    assert fine.count(Status.PASSED) == 1
    with pytest.raises(SmokeError, match=r"^2 checks failed:\ntwo: b\nthree: a$"):
        require_passed(
            [
                fine,
                record("two", a=Status.PASSED, b=Status.FAILED),
                record("three", a=Status.FAILED),
            ]
        )
