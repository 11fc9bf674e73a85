"""An alias is one variant's, the newest one's that it may mean; a full tag is nobody else's."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import given

import strategies
from dockwright.clients.registry_reference import TAG
from dockwright.spec import tags


def release(
    version: str, transformers: str, *accelerators: str, base: str = "debian12"
) -> dict[str, Any]:
    facts: dict[str, Any] = {"budget_mb": {"training": 1}}
    return {
        "version": version,
        "base": base,
        "ga": "2026-01-01",
        "end_of_patch": "2027-01-01",
        "jobs": ["training"],
        "accelerators": {
            name: facts | ({} if name == "cpu" else {"driver": "999"})
            for name in accelerators or ("cpu",)
        },
        "huggingface": {"transformers": transformers},
    }


def aliases(*releases: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    """Return what else the images of a manifest with these releases are called, by full tag."""
    framework = {
        "title": "Framework",
        "module": "framework",
        "distributions": {"cpu": {"name": "framework-cpu"}, "gpu": {"name": "framework"}},
    }
    common = strategies.common(("debian12", "debian13")) | {"frameworks": ["pytorch"]}
    common["bases"] = common["bases"] | {
        "debian13": common["bases"]["debian12"] | {"end_of_support": "2030-06-30"}
    }
    file = framework | {"releases": list(releases)}
    variants = strategies.load(common=common, pytorch=file).variants
    assert all(tags.of(v, variants)[0] == v.tag for v in variants)
    return {v.tag: tags.of(v, variants)[1:] for v in variants}


def test_a_lone_image_has_both_aliases() -> None:
    assert aliases(release("2.13.0", "5.23.0", "cpu", "cu130")) == {
        "2.13.0-transformers5.23.0-cpu-py311-debian12": (
            "2.13-transformers5.23-cpu-py311-debian12",
            "2.13.0-cpu-py311",
        ),
        "2.13.0-transformers5.23.0-gpu-py311-cu130-debian12": (
            "2.13-transformers5.23-gpu-py311-cu130-debian12",
            "2.13.0-gpu-py311",
        ),
    }


def test_an_alias_is_the_newest_patch_release_s_whatever_stands_first() -> None:
    found = aliases(release("2.13.9", "5.23.0"), release("2.13.10", "5.23.0"))
    assert found == {
        "2.13.9-transformers5.23.0-cpu-py311-debian12": ("2.13.9-cpu-py311",),
        "2.13.10-transformers5.23.0-cpu-py311-debian12": (
            "2.13-transformers5.23-cpu-py311-debian12",
            "2.13.10-cpu-py311",
        ),
    }


def test_of_two_lines_of_transformers_the_newer_one_has_the_framework_s_alias() -> None:
    old, new = aliases(release("2.13.0", "4.57.6"), release("2.13.0", "5.23.0")).values()
    assert old == ("2.13-transformers4.57-cpu-py311-debian12",)
    assert new == ("2.13-transformers5.23-cpu-py311-debian12", "2.13.0-cpu-py311")


def test_of_two_cuda_versions_or_bases_the_newer_one_has_it() -> None:
    assert [
        "2.13.0-gpu-py311" in names
        for names in aliases(release("2.13.0", "5.23.0", "cu128", "cu130")).values()
    ] == [False, True]
    assert [
        "2.13.0-cpu-py311" in names
        for names in aliases(
            release("2.13.0", "5.23.0", base="debian13"), release("2.13.0", "5.23.0")
        ).values()
    ] == [True, False]


def test_a_pre_release_is_named_in_full_only() -> None:
    assert list(aliases(release("2.16.0rc1", "5.23.0")).values()) == [()]
    assert list(aliases(release("2.15.0", "6.0.0a0")).values()) == [()]


def test_a_full_tag_is_no_alias_of_another_image() -> None:
    short, long = aliases(release("2.13", "5.23"), release("2.13.1", "5.23.4"))
    assert short == "2.13-transformers5.23-cpu-py311-debian12"
    assert aliases(release("2.13", "5.23"), release("2.13.1", "5.23.4"))[long] == (
        "2.13.1-cpu-py311",
    )


@given(strategies.frameworks(), strategies.frameworks())
def test_no_two_images_of_a_repository_share_a_tag(
    pytorch: dict[str, Any], tensorflow: dict[str, Any]
) -> None:
    variants = strategies.load(pytorch=pytorch, tensorflow=tensorflow).variants
    every = [(v.repository, tag) for v in variants for tag in tags.of(v, variants)]
    assert max(Counter(every).values()) == 1
    assert all(TAG.fullmatch(tag) for _, tag in every)
