"""An engine that docker-py talks to without a socket or a daemon."""

from __future__ import annotations

import io
import json
import tarfile
from typing import TYPE_CHECKING
from urllib.parse import unquote

import docker
from requests import PreparedRequest, Response
from requests.adapters import BaseAdapter

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

URL = "http://engine.invalid:2375"


class Answers(BaseAdapter):
    """Answers questions about itself, and about images, whose digests are known by reference."""

    def __init__(self, digests: Mapping[str, str], root: str) -> None:
        super().__init__()
        self.digests, self.root = digests, root

    def send(self, request: PreparedRequest, *_: object, **__: object) -> Response:
        url = str(request.url)
        reference = unquote(url.partition("/images/")[2].rpartition("/")[0])
        digest = self.digests.get(reference)
        answer: dict[str, object] = {"message": f"No such image: {reference}"}
        if digest:
            answer = {"Id": digest, "Config": {"Labels": {}}}
        if is_info := url.endswith("/info"):
            answer = {"DockerRootDir": self.root}
        response = Response()
        response.status_code = 200 if digest or is_info else 404
        response.raw = io.BytesIO(json.dumps(answer).encode())
        response.url = url
        response.request = request
        return response

    def close(self) -> None:
        pass


class Api(docker.APIClient):
    """Exports any image as an archive of the same blobs, in pieces of a size.

    Not over HTTP as the rest: docker-py takes the very socket for that.
    """

    def __init__(
        self, digests: Mapping[str, str], blobs: Mapping[str, bytes], piece: int, root: str
    ) -> None:
        super().__init__(base_url=URL, version="1.44")
        self.mount(URL, Answers(digests, root))
        self.blobs, self.piece = blobs, piece

    def get_image(self, image: str, chunk_size: int | None = None) -> Iterator[bytes]:
        assert image
        assert chunk_size
        file = io.BytesIO()
        with tarfile.open(fileobj=file, mode="w") as archive:
            for name, content in self.blobs.items():
                member = tarfile.TarInfo(name)
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
        raw = file.getvalue()
        for start in range(0, len(raw), self.piece):
            yield raw[start : start + self.piece]


def client(
    digests: Mapping[str, str],
    blobs: Mapping[str, bytes] | None = None,
    *,
    piece: int = 10_000,
    root: str = "/nowhere",
) -> docker.DockerClient:
    """Return a client of an engine that has these images."""
    opened = docker.DockerClient(base_url=URL, version="1.44")
    opened.api = Api(digests, blobs or {}, piece, root)
    return opened
