"""Requests in, the answers of a registry out: in memory, with faults where a test wants them."""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import httpx

from dockwright.clients.registry import Repository
from dockwright.clients.registry_session import session
from dockwright.spec.image import OCI_INDEX_TYPE, sha256

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dockwright.clients.docker_credentials import Credential

HOST = "registry.test"
UPLOADS = re.compile(r"/v2/(?P<name>.+)/blobs/uploads/(?P<id>\d*)")
BLOB = re.compile(r"/v2/(?P<name>.+)/blobs/(?P<digest>sha256:\w+)")
MANIFEST = re.compile(r"/v2/(?P<name>.+)/manifests/(?P<target>[^/]+)")
TAGS = re.compile(r"/v2/(?P<name>.+)/tags/list")
REFERRERS = re.compile(r"/v2/(?P<name>.+)/referrers/(?P<digest>sha256:\w+)")


@dataclass
class FakeRegistry:
    """What `distribution` does, as far as a client sees it."""

    allows_mounts: bool = True
    has_referrers_api: bool = False
    blobs: dict[str, dict[str, bytes]] = field(default_factory=dict)
    manifests: dict[tuple[str, str], tuple[str, bytes]] = field(default_factory=dict)
    uploads: dict[str, bytearray] = field(default_factory=dict)
    begun: int = 0
    log: list[str] = field(default_factory=list)
    sent_bytes: int = 0
    faults: list[tuple[str, Callable[[httpx.Request], httpx.Response | None]]] = field(
        default_factory=list
    )
    """Pattern of `METHOD path`, and what happens instead, once; None goes on as usual."""

    def fail(self, pattern: str, status: int, **headers: str) -> None:
        """Answer the next such request with a status."""
        self.faults.append((pattern, lambda _: httpx.Response(status, headers=headers)))

    def cut(self, pattern: str, *, kept_bytes: int = 0) -> None:
        """Break the connection in the next such request; so much of its body arrived."""

        def broken(request: httpx.Request) -> httpx.Response:
            if match := UPLOADS.fullmatch(request.url.path):
                self.uploads[match["id"]] += request.content[:kept_bytes]
            msg = "the connection was cut"
            raise httpx.ReadError(msg, request=request)

        self.faults.append((pattern, broken))

    def __call__(self, request: httpx.Request) -> httpx.Response:
        line = f"{request.method} {request.url.path}"
        self.log.append(line)
        for fault in self.faults:
            if re.search(fault[0], line):
                self.faults.remove(fault)
                answer = fault[1](request)
                if answer is not None:
                    return answer
        for pattern, answers in (
            (UPLOADS, self._uploads),
            (BLOB, self._blob),
            (MANIFEST, self._manifest),
            (TAGS, self._tags),
            (REFERRERS, self._referrers),
        ):
            if match := pattern.fullmatch(request.url.path):
                return answers(request, **match.groupdict())
        return httpx.Response(200 if request.url.path == "/v2/" else 404)

    def _uploads(self, request: httpx.Request, name: str, id: str) -> httpx.Response:
        if request.method == "POST":
            return self._begin(request, name)
        if id not in self.uploads:
            return error(404, "BLOB_UPLOAD_UNKNOWN")
        upload = self.uploads[id]
        headers = {"Location": f"/v2/{name}/blobs/uploads/{id}?_state=s"}
        if request.method == "DELETE":
            del self.uploads[id]
            return httpx.Response(204)
        if request.method == "GET":
            return httpx.Response(204, headers={**headers, "Range": ranged(upload)})
        start = request.headers.get("Content-Range", f"{len(upload)}-").partition("-")[0]
        if int(start) != len(upload):
            return httpx.Response(416, headers={**headers, "Range": ranged(upload)})
        upload += request.content
        self.sent_bytes += len(request.content)
        if request.method == "PATCH":
            return httpx.Response(202, headers={**headers, "Range": ranged(upload)})
        if sha256(bytes(upload)) != request.url.params["digest"]:
            return error(400, "DIGEST_INVALID")
        self.blobs.setdefault(name, {})[request.url.params["digest"]] = bytes(upload)
        del self.uploads[id]
        return httpx.Response(201)

    def _begin(self, request: httpx.Request, name: str) -> httpx.Response:
        digest, source = request.url.params.get("mount"), request.url.params.get("from")
        held = self.blobs.get(source or "", {})
        if digest in held and self.allows_mounts:
            self.blobs.setdefault(name, {})[digest] = held[digest]
            return httpx.Response(201)
        self.begun += 1
        self.uploads[str(self.begun)] = bytearray()
        location = f"/v2/{name}/blobs/uploads/{self.begun}?_state=s"
        return httpx.Response(202, headers={"Location": location, "Range": "0-0"})

    def _blob(self, request: httpx.Request, name: str, digest: str) -> httpx.Response:
        content = self.blobs.get(name, {}).get(digest)
        if content is None:
            return error(404, "BLOB_UNKNOWN")
        start = int(request.headers.get("Range", "bytes=0-").removeprefix("bytes=").rstrip("-"))
        body = content[start:] if request.method == "GET" else b""
        # A stream, and not content: this may be read piece by piece.
        return httpx.Response(206 if start else 200, stream=httpx.ByteStream(body))

    def _manifest(self, request: httpx.Request, name: str, target: str) -> httpx.Response:
        if request.method == "PUT":
            digest = sha256(request.content)
            stored = (request.headers["Content-Type"], request.content)
            self.manifests[name, target] = self.manifests[name, digest] = stored
            subject = {"OCI-Subject": digest} if self.has_referrers_api else {}
            return httpx.Response(201, headers={"Docker-Content-Digest": digest, **subject})
        if (name, target) not in self.manifests:
            return error(404, "MANIFEST_UNKNOWN")
        media_type, content = self.manifests[name, target]
        headers = {"Content-Type": media_type, "Docker-Content-Digest": sha256(content)}
        return httpx.Response(200, headers=headers, content=content)

    def _tags(self, request: httpx.Request, name: str) -> httpx.Response:
        """Two a page."""
        tags = sorted(t for n, t in self.manifests if n == name and ":" not in t)
        if not tags:
            return error(404, "NAME_UNKNOWN")
        rest = [tag for tag in tags if tag > request.url.params.get("last", "")]
        link = f'</v2/{name}/tags/list?last={rest[1]}>; rel="next"' if len(rest) > 2 else ""
        headers = {"Link": link} if link else {}
        return httpx.Response(200, headers=headers, json={"name": name, "tags": rest[:2]})

    def _referrers(self, request: httpx.Request, name: str, digest: str) -> httpx.Response:
        if not self.has_referrers_api:
            return httpx.Response(404, text="404 page not found")
        found = [
            {"digest": sha256(content), "artifactType": json.loads(content)["artifactType"]}
            for (n, target), (_, content) in self.manifests.items()
            if n == name and digest.encode() in content and ":" in target
        ]
        assert request.method == "GET"
        index = {"schemaVersion": 2, "mediaType": OCI_INDEX_TYPE, "manifests": found}
        return httpx.Response(200, headers={"Content-Type": OCI_INDEX_TYPE}, json=index)


def ranged(upload: bytearray) -> str:
    return f"0-{max(len(upload) - 1, 0)}"


def error(status: int, code: str, message: str = "a message") -> httpx.Response:
    return httpx.Response(status, json={"errors": [{"code": code, "message": message}]})


@contextmanager
def opened(
    handler: Callable[[httpx.Request], httpx.Response],
    *,
    name: str = "team/image",
    host: str = HOST,
    login: Credential | None = None,
) -> Iterator[Repository]:
    """Yield a repository of the registry; waits between attempts take no time."""
    transport = httpx.MockTransport(handler)
    with session(host, transport=transport, find_credential=lambda _: login) as its:
        yield Repository(session=replace(its, sleep=lambda _: None), name=name)
