"""A folder in, a tiny image that really runs out: one static program and a few files."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import random
import tarfile
from functools import partial
from typing import TYPE_CHECKING

from dockwright.clients.registry_upload import Payload
from dockwright.composition import image as documents
from dockwright.composition.image import Step
from dockwright.spec.image import OCI_MANIFEST_TYPE, Blob, sha256

if TYPE_CHECKING:
    from pathlib import Path

    from dockwright.spec.image import AssembledImage

EPOCH = 1_767_225_600
RECORD_TYPE = "application/vnd.dockwright.test"
# Writes "hello from a layer\n" and exits: an x86-64 ELF program of its own, so that no base
# image and no compiler is needed.
TEXT = b"hello from a layer\n"


def hello() -> bytes:
    """Return a static x86-64 program that prints TEXT."""
    code = (
        b"\xb8\x01\x00\x00\x00"  # mov eax, 1 (write)
        b"\xbf\x01\x00\x00\x00"  # mov edi, 1
        b"\x48\x8d\x35\x10\x00\x00\x00"  # lea rsi, [rip+16]
        b"\xba" + len(TEXT).to_bytes(4, "little") + b"\x0f\x05"  # mov edx, length; syscall
        b"\xb8\x3c\x00\x00\x00\x31\xff\x0f\x05"  # mov eax, 60 (exit); xor edi, edi; syscall
    )
    size = 64 + 56 + len(code) + len(TEXT)
    base = 0x400000
    words = ((2, 2), (62, 2), (1, 4), (base + 120, 8), (64, 8), (0, 8), (0, 4), (64, 2), (56, 2))
    rest = ((1, 2), (0, 2), (0, 2), (0, 2))
    ident = b"\x7fELF\x02\x01\x01" + bytes(9)
    program = ((1, 4), (5, 4), (0, 8), (base, 8), (base, 8), (size, 8), (size, 8), (4096, 8))
    packed = (value.to_bytes(width, "little") for value, width in (*words, *rest, *program))
    return ident + b"".join(packed) + code + TEXT


def layer(folder: Path, files: dict[str, bytes]) -> tuple[Blob, str]:
    """Write a gzip layer; return its blob and diff_id."""
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode, info.mtime = len(content), 0o755, EPOCH
            archive.addfile(info, io.BytesIO(content))
    packed = gzip.compress(tar.getvalue(), mtime=0, compresslevel=1)
    folder.mkdir(parents=True, exist_ok=True)
    hexdigest = hashlib.sha256(packed).hexdigest()
    path = folder / hexdigest
    path.write_bytes(packed)
    diff_id = f"sha256:{hashlib.sha256(tar.getvalue()).hexdigest()}"
    return Blob(path=path, digest=f"sha256:{hexdigest}", size_bytes=len(packed)), diff_id


def payload(content: bytes) -> Payload:
    """Return bytes as an upload takes them."""
    return Payload(
        digest=sha256(content), size_bytes=len(content), open=partial(io.BytesIO, content)
    )


def record(image: AssembledImage, content: bytes) -> bytes:
    """Return the manifest of an artifact that speaks of an image; its config is `{}`."""

    def descriptor(content: bytes, media_type: str) -> dict[str, object]:
        return {"mediaType": media_type, "digest": sha256(content), "size": len(content)}

    return json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST_TYPE,
            "artifactType": RECORD_TYPE,
            "config": descriptor(b"{}", "application/vnd.oci.empty.v1+json"),
            "layers": [descriptor(content, "text/plain")],
            "subject": descriptor(image.manifest, image.manifest_type),
        }
    ).encode()


def tiny(folder: Path, *, extra_bytes: int = 0, seed: int = 0) -> AssembledImage:
    """Return an image of two layers that says hello; the second one has incompressible bytes."""
    layers = [
        layer(folder, {"hello": hello()}),
        layer(folder, {f"data-{seed}": random.Random(seed).randbytes(extra_bytes)}),  # noqa: S311
    ]
    config = documents.image_config(
        architecture="amd64",
        epoch=EPOCH,
        steps=[Step(created_by="a test", diff_id=diff_id) for _, diff_id in layers],
        env={"LANG": "C.UTF-8", "PATH": "/"},
        labels={"dockwright.identifier": "tiny"},
        entrypoint=("/hello",),
    )
    return documents.assembled(config, [blob for blob, _ in layers])
