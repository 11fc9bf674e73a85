"""An engine, or a folder of OCI layouts, in; the images that are pushed from there out."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from dockwright.clients import image_files, images
from dockwright.errors import RecordError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from docker import DockerClient

    from dockwright.spec.image import AssembledImage
    from dockwright.spec.variants import Variant


class Source(Protocol):
    """Where images are before they are pushed; its text names it for people."""

    def has(self, variant: Variant, digest: str) -> bool: ...
    def opened(self, variant: Variant, digest: str) -> AbstractContextManager[AssembledImage]: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Engine:
    """The images of a container engine, by name."""

    client: DockerClient
    scratch_path: Path

    def __str__(self) -> str:
        return "the engine"

    def has(self, variant: Variant, digest: str) -> bool:
        """Tell whether the variant's name is this very image's."""
        return images.digest_of(self.client, variant.reference) == digest

    def opened(self, variant: Variant, digest: str) -> AbstractContextManager[AssembledImage]:
        """Return a block in which the image's blobs can be read."""
        return image_files.opened(
            self.client, digest, reference=variant.reference, scratch_path=self.scratch_path
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Layouts:
    """OCI layouts, one per image, as `build --to oci:FOLDER` writes them."""

    folder: Path

    def __str__(self) -> str:
        return f"oci:{self.folder}"

    def has(self, variant: Variant, digest: str) -> bool:
        """Tell whether the variant's layout holds this image whole."""
        return image_files.in_layout(self.folder / variant.identifier, digest) is not None

    @contextmanager
    def opened(self, variant: Variant, digest: str) -> Iterator[AssembledImage]:
        """Yield the image."""
        image = image_files.in_layout(self.folder / variant.identifier, digest)
        if image is None:
            msg = f"{self.folder / variant.identifier} has no {digest} any more; build it again"
            raise RecordError(msg)
        yield image
