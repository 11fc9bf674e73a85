"""A push sends what is missing, publishes last, and leaves nothing half-done under a tag."""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import TYPE_CHECKING

import httpx
import pytest

import images
from dockwright.clients.registry_push import push
from dockwright.clients.upload_journal import Journal
from dockwright.errors import HashMismatchError, RegistryError
from dockwright.spec.image import AssembledImage
from fake_registry import FakeRegistry, opened

if TYPE_CHECKING:
    from pathlib import Path

NAME = "team/image"
LARGE_BYTES = 6_000_000


@pytest.fixture
def image(tmp_path: Path) -> AssembledImage:
    return images.tiny(tmp_path / "blobs", extra_bytes=LARGE_BYTES)


def test_everything_is_there_and_the_second_push_sends_nothing(image: AssembledImage) -> None:
    registry = FakeRegistry()
    with opened(registry) as repository:
        first = push(repository, image, tags=["1", "2"])
        sent_bytes = registry.sent_bytes
        second = push(repository, image, tags=["1"])
        assert repository.tags() == ("1", "2")
    assert registry.manifests[NAME, "1"][1] == image.manifest
    assert sent_bytes == first.sent_bytes == image.size_bytes - len(image.manifest)
    assert registry.sent_bytes == sent_bytes
    assert (second.sent, second.sent_bytes) == ((), 0)
    assert set(second.present) == set(first.sent)


def test_only_the_changed_layer_of_the_next_image_is_sent(
    image: AssembledImage, tmp_path: Path
) -> None:
    following = images.tiny(tmp_path / "blobs", extra_bytes=LARGE_BYTES, seed=1)
    with opened(FakeRegistry()) as repository:
        push(repository, image, tags=["1"])
        pushed = push(repository, following, tags=["2"])
    assert set(pushed.sent) == {following.layers[1].digest, following.config_digest}


def test_blobs_are_taken_over_from_another_repository(image: AssembledImage) -> None:
    registry = FakeRegistry()
    with opened(registry, name="other") as other:
        push(other, image, tags=["1"])
    sent_bytes = registry.sent_bytes
    with opened(registry) as repository:
        pushed = push(repository, image, tags=["1"], mount_from=["none", "other", NAME])
    assert len(pushed.mounted) == 3
    assert pushed.mounted_bytes == image.size_bytes - len(image.manifest)
    assert "3 were taken over from other repositories (6 MB), 0 were sent (0 B)" in str(pushed)
    assert registry.sent_bytes == sent_bytes
    assert registry.manifests[NAME, "1"][1] == image.manifest


def test_a_repository_that_we_may_not_see_is_passed_over(image: AssembledImage) -> None:
    registry = FakeRegistry()
    for _ in range(3):
        registry.fail("HEAD /v2/secret/", 403)
    with opened(registry) as repository:
        assert len(push(repository, image, tags=["1"], mount_from=["secret"]).sent) == 3


def test_a_refused_mount_sends_the_blob_in_the_upload_that_it_began(image: AssembledImage) -> None:
    registry = FakeRegistry()
    with opened(registry, name="other") as other:
        push(other, image, tags=["1"])
    registry.allows_mounts = False
    begun = registry.begun
    with opened(registry) as repository:
        assert len(push(repository, image, tags=["1"], mount_from=["other"]).sent) == 3
    assert registry.begun == begun + 3


def test_a_blob_that_fails_leaves_no_image_behind(image: AssembledImage) -> None:
    registry = FakeRegistry()
    registry.fail("PATCH", 403)
    with opened(registry) as repository, pytest.raises(RegistryError, match="answered 403"):
        push(repository, image, tags=["1"])
    assert registry.manifests == {}


def test_a_missing_or_changed_layer_is_named_before_anything_is_sent(
    image: AssembledImage,
) -> None:
    registry = FakeRegistry()
    path = image.layers[1].path
    path.write_bytes(path.read_bytes()[:-1])
    with opened(registry) as repository:
        with pytest.raises(HashMismatchError, match=str(path)):
            push(repository, image, tags=["1"])
        path.unlink()
        with pytest.raises(HashMismatchError, match="missing"):
            push(repository, image, tags=["1"])
    assert registry.log == []


def test_a_killed_push_goes_on_where_it_was(image: AssembledImage, tmp_path: Path) -> None:
    registry = FakeRegistry()
    kept_bytes = 4_000_000

    def killed(request: httpx.Request) -> httpx.Response:
        registry.uploads[request.url.path.rpartition("/")[2]] += request.content[:kept_bytes]
        raise SystemExit  # as a kill: no handler of ours sees it

    registry.faults.append(("PATCH", killed))
    with opened(registry) as repository:
        with pytest.raises(SystemExit):
            push(repository, image, tags=["1"], uploads_path=tmp_path / "uploads")
        entries = list((tmp_path / "uploads").iterdir())
        assert {entry.stat().st_mode & 0o777 for entry in entries} == {0o600}
        before = registry.sent_bytes
        push(repository, image, tags=["1"], uploads_path=tmp_path / "uploads")
    large = image.layers[1]
    assert registry.sent_bytes - before <= large.size_bytes - kept_bytes + 2000
    assert registry.blobs[NAME][large.digest] == large.path.read_bytes()
    assert list((tmp_path / "uploads").iterdir()) == []


def test_what_was_killed_after_a_blobs_last_byte_leaves_no_note_of_it(
    image: AssembledImage, tmp_path: Path
) -> None:
    uploads_path = tmp_path / "uploads"
    with opened(FakeRegistry()) as repository:
        push(repository, image, tags=["1"])
        journal = Journal(folder=uploads_path)
        journal.keep(str(repository), image.layers[0].digest, "/v2/uploads/1")
        push(repository, image, tags=["1"], uploads_path=uploads_path)
    assert list(uploads_path.iterdir()) == []


def test_four_blobs_are_on_their_way_at_once(tmp_path: Path) -> None:
    layers = tuple(images.layer(tmp_path, {f"{i}": b"x"})[0] for i in range(7))
    image = AssembledImage(manifest=b"{}", config=b"{}", layers=layers)
    registry = FakeRegistry()
    meeting = threading.Barrier(4)  # eight blobs: two meetings of four

    def handler(request: httpx.Request) -> httpx.Response:
        if request.method == "HEAD":
            meeting.wait(timeout=20)
        return registry(request)

    with opened(handler) as repository:
        assert len(push(repository, image, tags=["1"]).sent) == 8


def test_ctrl_c_ends_a_push_at_once_and_publishes_nothing(image: AssembledImage) -> None:
    registry = FakeRegistry()

    def interrupted(_: httpx.Request) -> httpx.Response:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.2)
        return httpx.Response(503)

    registry.faults.append(("PATCH", interrupted))
    with opened(registry) as repository, pytest.raises(KeyboardInterrupt):
        push(repository, image, tags=["1"])
    assert registry.manifests == {}
    assert sum(line.startswith("PATCH") for line in registry.log) == 1
