"""A runtime package becomes the same wheel wherever and whenever its source is the same."""

from __future__ import annotations

import csv
import hashlib
import io
import os
import shutil
import zipfile
from base64 import urlsafe_b64encode
from typing import TYPE_CHECKING

import pytest

from dockwright.composition import runtime, wheels
from dockwright.errors import BuildError, ManifestError
from dockwright.spec import lock as locks
from dockwright.stages.plan import forecast
from dockwright.stages.smoke.facts import facts

if TYPE_CHECKING:
    from pathlib import Path

    from dockwright.composition.runtime import BuiltWheel
    from dockwright.spec.variants import Variant
    from sample import Sample

INFO = "sample_serving-0.5.0.dist-info"


def source(good: Sample, name: str = "serving") -> Path:
    return good.ws.images_path / "runtime" / name


def edit(good: Sample, name: str, old: str, new: str) -> None:
    path = source(good, name) / "pyproject.toml"
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


def served(good: Sample) -> list[Variant]:
    return [v for v in good.manifest().variants if v.runtime is not None]


def built(good: Sample) -> BuiltWheel:
    return runtime.build_all(good.ws.images_path, good.manifest().variants)["serving"]


def members(wheel: BuiltWheel) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(wheel.content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_the_wheel_holds_the_package_and_says_what_it_is(good: Sample) -> None:
    made = built(good)
    assert made.wheel.filename == "sample_serving-0.5.0-py3-none-any.whl"
    assert made.wheel.sha256 == hashlib.sha256(made.content).hexdigest()
    assert made.wheel.size_bytes == len(made.content)
    assert made.modules == ("sample_serving/__init__.py",)
    found = members(made)
    module = source(good) / "sample_serving" / "__init__.py"
    assert found["sample_serving/__init__.py"] == module.read_bytes()
    assert b"serve=sample_serving:main" in found[f"{INFO}/entry_points.txt"].replace(b" ", b"")
    assert b"\nRequires-Dist: uvicorn\n" in found[f"{INFO}/METADATA"]


def test_the_record_has_every_member_s_hash(good: Sample) -> None:
    found = members(built(good))
    rows = list(csv.reader(io.StringIO(found[f"{INFO}/RECORD"].decode())))
    assert {row[0] for row in rows} == set(found)
    for name, digest, _ in rows:
        if name != f"{INFO}/RECORD":
            content = urlsafe_b64encode(hashlib.sha256(found[name]).digest()).decode()
            assert digest == f"sha256={content.rstrip('=')}"


def test_neither_times_nor_modes_nor_what_tools_leave_behind_change_the_wheel(
    good: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = built(good)
    package = source(good) / "sample_serving"
    for name in ("__pycache__/__init__.cpython-311.pyc", ".mypy_cache/x.json", "inference.py~"):
        path = package / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x")
    os.utime(package / "__init__.py", (2e9, 2e9))
    (package / "__init__.py").chmod(0o600)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1900000000")
    assert built(good) == before


def test_an_edit_changes_the_wheel_and_what_plan_says_of_the_image(good: Sample) -> None:
    variants = served(good)
    before, planned = built(good), forecast(good.ws, variants)
    module = source(good) / "sample_serving" / "__init__.py"
    module.write_bytes(module.read_bytes() + b"\n# edited\n")
    assert built(good).wheel.sha256 != before.wheel.sha256
    for old, new in zip(planned, forecast(good.ws, variants), strict=True):
        assert [layer.key for layer in old.image.layers[:-2]] == [
            layer.key for layer in new.image.layers[:-2]
        ]
        names = [layer.name for layer in new.image.layers[-2:]]
        assert names == ["runtime-serving", "runtime-serving-bytecode"]
        for before_it, after_it in zip(old.image.layers[-2:], new.image.layers[-2:], strict=True):
            assert before_it.key != after_it.key


def test_a_runtime_s_layer_installs_what_it_depends_on_and_then_its_own_package(
    good: Sample,
) -> None:
    made = runtime.build_all(good.ws.images_path, good.manifest().variants)
    assert made["shared"].wheel.filename == "sample_shared-0.6.0-py3-none-any.whl"
    for variant in served(good):
        layer = runtime.layer_of(variant, made)
        assert layer is not None
        assert layer.wheels == (made["shared"].wheel, made["serving"].wheel)
        assert layer.modules == ("sample_shared/__init__.py", "sample_serving/__init__.py")


def test_packages_of_ours_are_never_solved_for_but_what_they_require_is(good: Sample) -> None:
    variant = served(good)[0]
    assert variant.runtime is not None
    assert variant.runtime.dependencies == ("packaging", "starlette>=1", "uvicorn")
    asked = locks.requirements(variant.release, variant.accelerator).jobs["inference"]
    assert asked[-3:] == variant.runtime.dependencies
    assert not any("sample" in line for line in asked)


def test_the_wheel_still_requires_the_package_beside_it(good: Sample) -> None:
    assert b"\nRequires-Dist: sample-shared\n" in members(built(good))[f"{INFO}/METADATA"]


def test_a_smoke_check_expects_every_package_of_the_runtime(good: Sample) -> None:
    variant = served(good)[0]
    found = facts(variant, locks.load(good.ws.buildspec_path, variant.release))["wheels"]
    assert {name: v for name, v in found.items() if "sample" in name} == {
        "sample-shared": "0.6.0",
        "sample-serving": "0.5.0",
    }


def test_a_package_that_two_depend_on_is_installed_once_and_before_both(good: Sample) -> None:
    shutil.copytree(source(good, "shared"), source(good, "more"))
    (source(good, "more") / "sample_shared").rename(source(good, "more") / "sample_more")
    edit(good, "more", "sample-shared", "sample-more")
    edit(good, "more", '"packaging"', '"sample-shared"')
    edit(good, "serving", '"sample-shared"', '"sample-more", "sample-shared"')
    variant = served(good)[0]
    assert variant.runtime is not None
    assert [package.name for package in variant.runtime.packages] == ["shared", "more", "serving"]
    made = runtime.build_all(good.ws.images_path, [variant])
    assert made.keys() == {"shared", "more", "serving"}


def test_an_edit_of_a_package_beside_it_changes_the_runtime_s_layer(good: Sample) -> None:
    variant = served(good)[0]
    before = runtime.layer_of(variant, runtime.build_all(good.ws.images_path, [variant]))
    (source(good, "shared") / "sample_shared" / "new.py").write_bytes(b"")
    after = runtime.layer_of(variant, runtime.build_all(good.ws.images_path, [variant]))
    assert before is not None
    assert after is not None
    assert before.key != after.key
    assert "sample_shared/new.py" in after.modules


def test_a_new_module_is_in_the_wheel_before_it_is_committed(good: Sample) -> None:
    (source(good) / "sample_serving" / "new.py").write_bytes(b"")
    assert "sample_serving/new.py" in members(built(good))


def test_a_stocked_wheel_is_in_the_wheel_store_under_its_hash(good: Sample) -> None:
    stocked = runtime.stock(good.ws, good.manifest().variants)
    assert runtime.stock(good.ws, good.manifest().variants) == stocked
    wheels.verify(good.ws.wheels_path, [made.wheel for made in stocked.values()], thorough=True)


def test_images_of_a_job_without_a_runtime_have_no_layer_for_it(good: Sample) -> None:
    training = [v for v in good.manifest().variants if v.job == "training"]
    assert runtime.build_all(good.ws.images_path, training) == {}
    assert {runtime.layer_of(v, {}) for v in training} == {None}


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('name = "sample-serving"', 'name = "Sample_Serving"', r"project\.name: String should"),
        ('version = "0.5.0"\n', "", r"project\.version: Field required"),
        ("serve = ", "more = 'a:b'\nserve = ", r"project\.scripts: Dictionary should have at most"),
        ("[project.scripts]", "[project.urls]", r"project\.scripts: there is none for a container"),
        ('"sample-serving"', '"serving"', r"project\.name: serving does not end in -serving"),
        ('"sample-shared"', '"sample-none"', r"dependencies: sample-none: there is no .*/none$"),
        ('"sample-shared"', '"sample-shared>=1"', r"sample-shared>=1: .* alone, sample-shared$"),
        ('"sample-shared"', '"Sample_Shared"', r"Sample_Shared: .* alone, sample-shared$"),
        ("[project]", "[project", "at line"),
    ],
)
def test_a_description_that_will_not_do_is_told_with_its_file(
    good: Sample, old: str, new: str, problem: str
) -> None:
    edit(good, "serving", old, new)
    with pytest.raises(
        ManifestError, match=rf"^buildspec/common\.yml:\d+: .*/serving/pyproject\.toml: .*{problem}"
    ):
        good.manifest()


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('"packaging"', '"sample-serving"', r"sample-serving: serving depends on shared$"),
        ('"packaging"', '"sample-shared"', r"sample-shared: shared depends on shared$"),
        ('"sample-shared"', '"other-shared"', r"name: other-shared, but serving is of .* sample-"),
        (
            "[project]",
            "[project.scripts]\nrun = 'a:b'\n[project]",
            r"scripts: serving depends on it",
        ),
        ('version = "0.6.0"\n', "", r"project\.version: Field required"),
    ],
)
def test_a_package_beside_it_that_will_not_do_is_told_with_its_file(
    good: Sample, old: str, new: str, problem: str
) -> None:
    edit(good, "shared", old, new)
    with pytest.raises(
        ManifestError, match=rf"^buildspec/common\.yml:\d+: .*/shared/pyproject\.toml: .*{problem}"
    ):
        good.manifest()


def test_a_runtime_that_is_not_there_is_told_with_who_names_it(good: Sample) -> None:
    good.edit("common.yml", "inference: serving", "inference: nothing")
    with pytest.raises(
        ManifestError, match=r"^buildspec/common\.yml:\d+: .*nothing/pyproject\.toml is missing"
    ):
        good.manifest()


def test_a_package_that_does_not_build_is_told(good: Sample) -> None:
    (source(good) / "sample_serving" / "__init__.py").unlink()
    (source(good) / "sample_serving").rmdir()
    with pytest.raises(BuildError, match=r"^images/runtime/serving does not build: No file/folder"):
        built(good)
