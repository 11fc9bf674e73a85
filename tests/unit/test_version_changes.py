"""What changes between two locks and two images is told by package, step, layer and byte."""

from __future__ import annotations

from dockwright.composition import version_changes
from dockwright.composition.sharing import Stack, Weighed
from dockwright.composition.version_changes import Step
from dockwright.spec.lock import FORMAT, Group, LockedWheel, ReleaseLock, Wheel


def lock(*wheels: tuple[str, str, int], group: Group = Group.COMMON) -> ReleaseLock:
    return ReleaseLock(
        format=FORMAT,
        requirements_sha256="0" * 64,
        wheels=tuple(
            LockedWheel(
                wheel=Wheel(
                    name=name,
                    version=version,
                    filename=f"{name}-{version}-py3-none-any.whl",
                    sha256=f"{size:064x}",
                    size_bytes=size,
                ),
                group=group,
                used_by=("training/cpu",),
            )
            for name, version, size in wheels
        ),
    )


def stack(**layers: int) -> Stack:
    some = (Weighed(name=n.partition("_")[0], key=n, size_bytes=s) for n, s in layers.items())
    return Stack(identifier="image", layers=tuple(some))


def test_every_step_has_its_name() -> None:
    assert version_changes.step("1.2.3", "2.0") is Step.MAJOR
    assert version_changes.step("1!1.0", "2!1.0") is Step.MAJOR
    assert version_changes.step("1.2.3", "1.3") is Step.MINOR
    assert version_changes.step("1.2.3", "1.2.3.post1") is Step.PATCH
    assert version_changes.step("1.10", "1.9") is Step.OLDER
    assert version_changes.step("1.0", "1.0.0") is Step.REBUILT
    assert version_changes.step(None, "1.0") is Step.ADDED
    assert version_changes.step("1.0", None) is Step.REMOVED


def test_packages_that_changed_are_told_once_whatever_they_are_built_for() -> None:
    before = lock(
        ("torch", "2.1+cpu", 10), ("torch", "2.1", 100), ("numpy", "1.0", 5), ("a", "1", 1)
    )
    after = lock(
        ("torch", "2.2+cpu", 11), ("torch", "2.2", 120), ("numpy", "1.0", 5), ("b", "1", 2)
    )
    found = version_changes.packages(before, after, {"torch"})
    facts = [(c.name, c.before, c.after, c.step, c.is_direct, c.grown_bytes) for c in found]
    assert facts == [
        ("a", "1", None, Step.REMOVED, False, -1),
        ("b", None, "1", Step.ADDED, False, 2),
        ("torch", "2.1", "2.2", Step.MINOR, True, 21),
    ]


def test_what_only_a_build_uses_is_no_change_of_an_image() -> None:
    uv = lock(("uv", "1.0", 3), group=Group.BUILD)
    assert version_changes.packages(uv, lock(), set()) == ()


def test_an_image_is_pulled_by_the_layers_that_its_owner_lacks() -> None:
    before = stack(base=100, libs_1=10, bytecode_1=7)
    after = stack(base=100, libs_2=12, bytecode_2=0)
    change = version_changes.image(before, after, is_exact=False, budget_bytes=118)
    # Nobody has made the new bytecode yet: it weighs what it did.
    assert [(layer.name, layer.size_bytes) for layer in change.pulled] == [
        ("libs", 12),
        ("bytecode", 7),
    ]
    assert change.pulled_bytes == 19
    assert change.after.size_bytes == 119
    assert not change.is_within


def test_a_layer_is_pushed_once_and_not_at_all_where_it_is() -> None:
    change = version_changes.image(
        None, stack(base=100, libs_2=12, more=5), is_exact=True, budget_bytes=1000
    )
    other = stack(base=100, more=5)
    assert change.pulled_bytes == 117
    assert version_changes.pushed_bytes([change, change], [other]) == 12
