"""What weighs most stands first, beside its budget, and what has changed since the build before."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

import strategies
import wheel_maker
from dockwright.composition import sizes
from dockwright.composition.sharing import Stack, Weighed
from dockwright.spec import records
from dockwright.spec.lock import FORMAT, Group, LockedWheel, ReleaseLock
from dockwright.spec.records import BuildRecord, LayerRecord

if TYPE_CHECKING:
    from pathlib import Path

    from sample import Sample
    from unit.conftest import Run

IDENTIFIER = "pytorch-9.1.0-transformers7.8.0-py311-debian12-inference-cpu"


def record(**layers: int) -> BuildRecord:
    """Return the record of an image of these layers, each of twice its size unpacked."""
    return BuildRecord(
        identifier=IDENTIFIER,
        digest="sha256:" + "d" * 64,
        finished_at="2026-01-01T00:00:00+00:00",
        seconds=1.5,
        reference="here:1",
        builder="buildkit",
        inputs_sha256="0" * 64,
        base_digest="sha256:" + "b" * 64,
        is_base_drifted=False,
        media_type="application/vnd.docker.distribution.manifest.v2+json",
        layers=tuple(
            LayerRecord(name=n, digest="sha256:0", size_bytes=size, unpacked_bytes=2 * size)
            for n, size in layers.items()
        ),
        size_bytes=sum(layers.values()),
    )


def test_layers_are_those_that_were_built_and_else_the_planned() -> None:
    planned = Stack(
        identifier="x",
        layers=(
            Weighed(name="small", key="s", size_bytes=1),
            Weighed(name="big", key="b", size_bytes=9),
        ),
    )
    assert [(p.name, p.unpacked_bytes) for p in sizes.layers(planned, None)] == [
        ("big", None),
        ("small", None),
    ]
    built = sizes.layers(planned, record(base=3, torch=5))
    assert [(p.name, p.size_bytes, p.unpacked_bytes) for p in built] == [
        ("torch", 5, 10),
        ("base", 3, 6),
    ]


def test_what_is_shared_is_counted_in_the_bytes_that_were_built() -> None:
    layers = (
        Weighed(name="base", key="b", size_bytes=4),
        Weighed(name="torch", key="t", size_bytes=9),
    )
    planned = Stack(identifier="x", layers=layers)
    built = sizes.as_built(planned, record(torch=5, gone=3))
    assert [(layer.key, layer.size_bytes) for layer in built.layers] == [("b", 4), ("t", 5)]
    assert sizes.as_built(planned, None) == planned


def test_changes_are_of_layers_that_grew_shrank_came_or_went() -> None:
    now, before = record(base=10, torch=50, new=7), record(base=10, torch=80, gone=8)
    found = [(c.name, c.grown_bytes) for c in sizes.changes(now, before)]
    assert found == [("torch", -30), ("gone", -8), ("new", 7)]
    assert sizes.changes(now, now) == ()


def test_an_image_s_unpacked_bytes_are_known_only_if_each_layer_s_are() -> None:
    known = record(base=10, torch=50)
    assert known.unpacked_bytes == 120
    base, torch = known.layers
    layers = (base, torch.model_copy(update={"unpacked_bytes": None}))
    assert known.model_copy(update={"layers": layers}).unpacked_bytes is None


def test_what_a_package_unpacks_to_is_read_from_a_wheel_that_is_there(tmp_path: Path) -> None:
    path = wheel_maker.make(tmp_path, {"probe/data": bytes(100_000)})
    store = tmp_path / "store"
    (here,) = wheel_maker.stored(store, [path])
    gone = strategies.wheel("gone", size_bytes=1_000_000)
    lock = ReleaseLock(
        format=FORMAT,
        requirements_sha256="0" * 64,
        wheels=tuple(
            LockedWheel(wheel=wheel, group=group, used_by=("inference/cpu",))
            for wheel, group in (
                (here, Group.COMMON),
                (gone, Group.FRAMEWORK),
                (strategies.wheel("uv"), Group.BUILD),
            )
        ),
    )
    big, small = sizes.packages(lock, "inference/cpu", store=store)
    assert (big.name, big.size_bytes, big.unpacked_bytes) == ("gone==1.0", 1_000_000, None)
    assert (small.name, small.size_bytes) == ("probe==1.0", here.size_bytes)
    assert small.unpacked_bytes is not None
    assert 100_000 < small.unpacked_bytes < 101_000


def test_an_image_that_was_built_twice_is_shown_with_what_has_changed(
    good: Sample, run: Run
) -> None:
    records.write(good.ws.out_path, "build", record(base=38_000_000, torch=250_000_000))
    records.write(good.ws.out_path, "build-before", record(base=38_000_000, torch=240_000_000))
    code, out, err = run(f"sizes {IDENTIFIER}")
    assert (code, err) == (0, "")
    assert "  torch  250 MB      500 MB\n" in out
    assert "  since the build before: torch +10 MB\n" in out
    row = out.splitlines()[-1].split("  ")
    assert [cell.strip() for cell in row if cell] == [
        IDENTIFIER,
        "288 MB of 300 MB",
        "576 MB",
        "2",
        "0 B",
        "1.5 s",
        "+10 MB",
    ]
    (facts,) = json.loads(run(f"sizes {IDENTIFIER} --json")[1])
    assert facts["grown_bytes"] == 10_000_000
    assert facts["changes"] == [{"name": "torch", "grown_bytes": 10_000_000}]
    assert (facts["unpacked_bytes"], facts["unpacked_budget_bytes"]) == (576_000_000, None)


@pytest.mark.usefixtures("good")
def test_images_that_were_never_built_are_shown_as_planned(run: Run) -> None:
    found: list[dict[str, Any]] = json.loads(run("sizes --json")[1])
    assert len(found) == 7
    for facts in found:
        assert (facts["digest"], facts["seconds"], facts["changes"]) == (None, None, None)
        assert facts["size_bytes"] == sum(layer["size_bytes"] for layer in facts["layers"]) > 0
        assert 0 < facts["shared_bytes"] <= facts["size_bytes"]
    assert run("sizes")[1].count("not yet") == 7
