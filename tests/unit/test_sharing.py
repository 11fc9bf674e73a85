"""What images share is counted once, and what one lacks of another is what has to be fetched."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from dockwright.composition import sharing
from dockwright.composition.sharing import Stack, Weighed

if TYPE_CHECKING:
    from unit.conftest import Run


def stack(identifier: str, **layers: int) -> Stack:
    """Return an image of these layers' bytes; equal names are equal layers."""
    weighed = (Weighed(name=n, key=n, size_bytes=size) for n, size in layers.items())
    return Stack(identifier=identifier, layers=tuple(weighed))


A = stack("a", base=10, torch=100, serving=1)
B = stack("b", base=10, torch=100, training=30)
C = stack("c", base=10, tensorflow=200)


def test_what_only_one_image_has_is_its_own() -> None:
    found = {s.stack.identifier: (s.own_bytes, s.shared_bytes) for s in sharing.shares([A, B, C])}
    assert found == {"a": (1, 110), "b": (30, 110), "c": (200, 10)}
    assert [s.own_bytes for s in sharing.shares([A])] == [111]


def test_a_shared_layer_is_stored_once() -> None:
    assert sharing.stored_once_bytes([A, B, C]) == 10 + 100 + 1 + 30 + 200
    assert sharing.stored_once_bytes([A, A]) == A.size_bytes


def test_a_layer_that_an_image_has_twice_is_its_own_all_the_same() -> None:
    twice = Stack(identifier="d", layers=(*C.layers, *C.layers))
    assert [s.shared_bytes for s in sharing.shares([twice])] == [0]


def test_who_has_an_image_fetches_only_what_it_lacks() -> None:
    assert [layer.name for layer in B.lacking(A.layers)] == ["training"]
    assert C.lacking(C.layers) == ()
    assert C.lacking(()) == C.layers


@pytest.mark.usefixtures("good")
def test_the_plan_tells_what_all_images_share(run: Run) -> None:
    facts: dict[str, Any] = json.loads(run("plan --sharing --json")[1])
    images = facts["images"]
    assert facts["size_bytes"] == sum(image["size_bytes"] for image in images)
    assert all(i["own_bytes"] + i["shared_bytes"] == i["size_bytes"] for i in images)
    own_bytes = sum(image["own_bytes"] for image in images)
    assert own_bytes < facts["stored_once_bytes"] < facts["size_bytes"]
    *rows, last = run("plan --sharing")[1].splitlines()
    assert [row.split()[0] for row in rows[1:]] == [image["identifier"] for image in images]
    assert last.endswith(f"{facts['stored_once_bytes'] / facts['size_bytes']:.1%}")


@pytest.mark.usefixtures("good")
def test_the_plan_tells_what_who_has_one_image_fetches_for_another(run: Run) -> None:
    command = "plan *pytorch*-cpu --from pytorch*inference-cpu"
    _, out, _ = run(f"{command} --json")
    facts: dict[str, Any] = json.loads(out)
    inference, training = facts["images"]
    assert facts["from"] == inference["identifier"]
    assert (inference["fetched_bytes"], inference["layers"]) == (0, [])
    assert {"training"} <= {layer["name"] for layer in training["layers"]}
    assert 0 < training["fetched_bytes"] < training["size_bytes"]
    heading, *rows = run(command)[1].splitlines()
    assert heading == f"with {inference['identifier']}:"
    assert len(rows) == 3


@pytest.mark.usefixtures("good")
def test_what_is_had_is_one_image(run: Run) -> None:
    code, out, err = run("plan --from pytorch*inference*")
    assert (code, out) == (2, "")
    assert "--from pytorch*inference* is 2 images, not one: " in err
