"""Dockerfiles say what manifest and lock say, in instructions that no text of theirs can change."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import strategies
from dockwright.composition.layers import layers_of_release, layers_of_variant
from dockwright.composition.plan import Kind, plan_image
from dockwright.composition.render import environment, render_release
from dockwright.composition.runtime import layer_of
from dockwright.errors import ManifestError
from dockwright.spec import lock as locks
from dockwright.spec.lock import FORMAT, Group, LockedWheel, ReleaseLock
from sample import REPOSITORY

if TYPE_CHECKING:
    from dockwright.spec.variants import Variant
    from sample import Sample

TEMPLATES = REPOSITORY / "images" / "_templates"
HEREDOC = re.compile(r'<<"EOF"[^\n]*\n.*?\nEOF\n', re.DOTALL)
LABELS = re.compile(r'LABEL( [a-z0-9.-]+="[A-Za-z0-9 .,:+&()/_-]+")+')
ENV = re.compile(r"ENV( [A-Z][A-Z0-9_]*=[A-Za-z0-9_.,:/@+-]+)+")
COMMENT = re.compile(r"#[A-Za-z0-9 .,:+&()/_;`\"-]*")


def instructions(dockerfile: str) -> list[str]:
    """Return a Dockerfile's instructions, continued lines joined, heredocs and comments left out."""
    lines = HEREDOC.sub("HEREDOC\n", dockerfile).replace("\\\n", " ").split("\n")
    return [" ".join(line.split()) for line in lines if line and not line.startswith("#")]


def dockerfiles(variants: list[Variant], lock: ReleaseLock) -> dict[str, str]:
    rendered = render_release(variants, lock, TEMPLATES)
    return {path: text for path, text in rendered.items() if path.endswith("/Dockerfile")}


def lock_for(variants: list[Variant]) -> ReleaseLock:
    folders = tuple(sorted(v.folder for v in variants))
    rows = [("uv", Group.BUILD), ("pip", Group.PYTHON), ("torch", Group.FRAMEWORK)]
    wheels = tuple(
        LockedWheel(wheel=strategies.wheel(name), group=group, used_by=folders)
        for name, group in rows
    )
    return ReleaseLock(format=FORMAT, requirements_sha256="0" * 64, wheels=wheels)


def framework(**facts: object) -> dict[str, Any]:
    return {
        "title": "Framework",
        "module": "framework",
        "distributions": {"cpu": {"name": "framework"}},
        "environment": {"NAME": "value"},
        "releases": [
            {
                "version": "1.0",
                "base": "debian12",
                "ga": "2026-01-01",
                "end_of_patch": "2027-01-01",
                "jobs": ["inference", "training"],
                "accelerators": {"cpu": {"budget_mb": {"inference": 1, "training": 1}}},
                "huggingface": {"transformers": "2.0"},
            }
        ],
    } | facts


def rendered(common: dict[str, Any], file: dict[str, Any]) -> dict[str, str]:
    variants = list(strategies.load(common=common, pytorch=file).variants)
    return dockerfiles(variants, lock_for(variants))


COMMON = strategies.common() | {"frameworks": ["pytorch"]}
NEUTRAL = {path: instructions(text) for path, text in rendered(COMMON, framework()).items()}
# What ends a line, a string or a word somewhere, among ordinary letters.
TEXT = st.text(
    st.sampled_from("aZ09 .-_,:+/@&()\"'$`\\#;|<>{}\n\r\t\x00\x85\u2028\u2029é"), max_size=12
)


@given(TEXT, TEXT, TEXT)
def test_no_text_of_a_manifest_changes_the_instructions(
    title: str, vendor: str, value: str
) -> None:
    # Each by itself, so that one that is refused does not hide the others.
    for common, file in (
        (COMMON, framework(title=title)),
        (COMMON | {"vendor": vendor}, framework()),
        (COMMON, framework(environment={"NAME": value})),
    ):
        try:
            files = rendered(common, file)
        except ManifestError:
            continue
        for path, text in files.items():
            found = instructions(text)
            assert [line.split()[0] for line in found] == [
                line.split()[0] for line in NEUTRAL[path]
            ]
            assert all(LABELS.fullmatch(line) for line in found if line.startswith("LABEL"))
            assert all(ENV.fullmatch(line) for line in found if line.startswith("ENV"))
            assert COMMENT.fullmatch(text.split("\n")[1])


@pytest.fixture
def pytorch(good: Sample) -> tuple[list[Variant], ReleaseLock]:
    variants = [v for v in good.manifest().variants if v.release.framework == "pytorch"]
    return variants, locks.load(good.ws.buildspec_path, variants[0].release)


def test_layers_are_copied_in_the_order_of_the_plan(
    pytorch: tuple[list[Variant], ReleaseLock],
) -> None:
    variants, lock = pytorch
    source = {
        Kind.VENV: "builder /skeleton/ /",
        Kind.WHEELS: "layer-{} /out/ /",
        Kind.BYTECODE: "layer-{} /out/ /",
        Kind.OS: "{} / /",
    }
    texts = dockerfiles(variants, lock)
    for variant in variants:
        found = instructions(texts[f"{variant.release.folder}/{variant.folder}/Dockerfile"])
        copies = [line for line in found if line.startswith("COPY --link")]
        last = layer_of(variant, strategies.built("sample-serving"))
        planned = plan_image(variant, lock, None, last).layers[1:]
        assert copies == [
            f"COPY --link --from={source[layer.kind].format(layer.name)}" for layer in planned
        ]


def test_no_step_has_a_network(pytorch: tuple[list[Variant], ReleaseLock]) -> None:
    for text in dockerfiles(*pytorch).values():
        runs = [line for line in instructions(text) if line.startswith("RUN")]
        assert runs
        assert all(line.startswith("RUN --network=none ") for line in runs)


def test_requirement_files_hold_each_layer_s_wheels_by_hash(
    pytorch: tuple[list[Variant], ReleaseLock],
) -> None:
    variants, lock = pytorch
    files = render_release(variants, lock, TEMPLATES)
    layers = [layer for layer in layers_of_release(lock) if layer.group is not Group.BUILD]
    folder = f"{variants[0].release.folder}/requirements"
    assert {path for path in files if path.endswith(".txt")} == {
        f"{folder}/{layer.name}.txt" for layer in layers
    }
    for layer in layers:
        text = files[f"{folder}/{layer.name}.txt"]
        assert re.findall(
            r"^([^#\s]+)==(\S+) \\\n +--hash=sha256:([0-9a-f]{64})$", text, re.MULTILINE
        ) == [(wheel.name, wheel.version, wheel.sha256) for wheel in layer.wheels]


def test_an_image_installs_its_own_layers_and_no_other_s(
    pytorch: tuple[list[Variant], ReleaseLock],
) -> None:
    variants, lock = pytorch
    texts = dockerfiles(variants, lock)
    for variant in variants:
        text = texts[f"{variant.release.folder}/{variant.folder}/Dockerfile"]
        stages = re.findall(r"^FROM builder AS layer-(\S+)$", text, re.MULTILINE)
        layers = layers_of_variant(lock, variant.folder)
        names = [name for la in layers for name in (la.name, la.bytecode) if name is not None]
        assert "torch-cpu-bytecode" in names or variant.accelerator.name != "cpu"
        last = ["runtime-serving", "runtime-serving-bytecode"]
        assert stages == names + (last if variant.job == "inference" else [])


def test_an_image_with_a_runtime_runs_it_and_tells_its_port(
    pytorch: tuple[list[Variant], ReleaseLock],
) -> None:
    texts = dockerfiles(*pytorch)
    ends = {
        v.folder: instructions(texts[f"{v.release.folder}/{v.folder}/Dockerfile"])[-3:]
        for v in pytorch[0]
    }
    entrypoint = 'ENTRYPOINT ["/usr/bin/tini", "--"]'
    assert ends["inference/cpu"] == ["EXPOSE 8080/tcp", entrypoint, 'CMD ["serve"]']
    assert ends["training/cpu"][1:] == [entrypoint, 'CMD ["python3"]']
    assert "EXPOSE" not in texts[f"{pytorch[0][0].release.folder}/training/cpu/Dockerfile"]


def test_a_framework_s_environment_joins_that_of_all_images(good: Sample) -> None:
    variants = good.manifest().variants
    tensorflow = next(v for v in variants if v.release.framework == "tensorflow")
    pytorch = next(v for v in variants if v.release.framework == "pytorch")
    assert environment(tensorflow) == environment(pytorch) | {"TF_USE_LEGACY_KERAS": "1"}


def test_what_a_distribution_sets_is_set_on_its_accelerators_alone(good: Sample) -> None:
    old = "cpu: {name: torch, local: cpu, index: example-cpu}"
    good.edit("pytorch.yml", old, old.replace("}", ', environment: {ON_CPU: "1"}}'))
    variants = [v for v in good.manifest().variants if v.release.framework == "pytorch"]
    assert {v.accelerator.kind: environment(v).get("ON_CPU") for v in variants} == {
        "cpu": "1",
        "gpu": None,
    }


def test_files_end_with_one_newline_and_no_line_with_a_blank(good: Sample) -> None:
    variants = [v for v in good.manifest().variants if v.release.framework == "tensorflow"]
    lock = locks.load(good.ws.buildspec_path, variants[0].release)
    for text in render_release(variants, lock, TEMPLATES).values():
        assert text.endswith("\n")
        assert not re.search(r"[ \t]$|\n\n\n|\n\n\Z|\r", text, re.MULTILINE)
