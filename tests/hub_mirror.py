"""A model hub on a port of this machine: folders in, what huggingface_hub asks for out.

Speaks what downloading needs: model information, file trees, files with their ETag and ranges, and
the errors of a model that is missing, private or gated. Standard library only: it runs in images.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

REVISIONS = ("main", "v1.0")
"""The names by which a folder's one state is known, besides its commit's hash."""
_CHUNK = 1 << 20


@contextmanager
def hub_mirror(
    folder: Path,
    *,
    token: str | None = None,
    gated: Collection[str] = (),
    busy: int = 0,
    seen: list[str] | None = None,
    host: str = "127.0.0.1",
) -> Iterator[str]:
    """Serve `folder/<owner>/<model>/...` and yield the address to use as HF_ENDPOINT.

    With a token, callers without it find nothing. Models in `gated` are refused to everyone. The
    first `busy` requests are answered 503. What is asked for is appended to `seen`, as
    "GET /owner/model/resolve/main/config.json".
    """

    class Handler(_Handler):
        root = folder
        bearer = token
        closed = frozenset(gated)
        log = [] if seen is None else seen
        refusals = iter(range(busy))

    server = ThreadingHTTPServer((host, 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://{host}:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    """Answers one connection."""

    protocol_version = "HTTP/1.1"
    root: Path
    bearer: str | None
    closed: frozenset[str]
    log: list[str]
    refusals: Iterator[int]

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def log_message(self, *_: object) -> None:
        """Say nothing: tests read `seen`."""

    def _answer(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.log.append(f"{self.command} {path}")
        if next(self.refusals, None) is not None:
            self._refuse(503, "")
        elif found := re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/revision/(.+))?", path):
            self._model(found[1], found[2] or "main", "information")
        elif found := re.fullmatch(r"/api/models/([^/]+/[^/]+)/tree/([^/]+)/?", path):
            self._model(found[1], found[2], "tree")
        elif found := re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            self._model(found[1], found[2], found[3])
        else:
            self._refuse(404, "")

    def _model(self, name: str, revision: str, wanted: str) -> None:
        folder = self.root / name
        allowed = self.bearer is None or self.headers["Authorization"] == f"Bearer {self.bearer}"
        if ".." in name or not folder.is_dir() or not allowed:
            return self._refuse(404 if allowed else 401, "RepoNotFound")
        if name in self.closed:
            return self._refuse(403, "GatedRepo")
        files = {str(p.relative_to(folder)): p for p in sorted(folder.rglob("*")) if p.is_file()}
        commit = _hash(*(f"{file} {_oid(path)}" for file, path in files.items()))
        if revision not in {*REVISIONS, commit}:
            return self._refuse(404, "RevisionNotFound")
        if wanted == "information":
            return self._json(_information(name, commit, files), commit)
        if wanted == "tree":
            return self._json(_tree(files), commit)
        if wanted not in files:
            return self._refuse(404, "EntryNotFound")
        return self._file(files[wanted], commit)

    def _json(self, value: object, commit: str) -> None:
        body = json.dumps(value).encode()
        self._start(200, len(body), commit, {"Content-Type": "application/json"})
        self._body(body)

    def _refuse(self, status: int, code: str) -> None:
        self._start(status, 0, "", {"X-Error-Code": code} if code else {})

    def _file(self, path: Path, commit: str) -> None:
        size, start = path.stat().st_size, 0
        headers = {"ETag": f'"{_oid(path)}"', "Accept-Ranges": "bytes"}
        if found := re.fullmatch(r"bytes=(\d+)-", self.headers["Range"] or ""):
            start = int(found[1])
            headers["Content-Range"] = f"bytes {start}-{size - 1}/{size}"
        self._start(206 if start else 200, size - start, commit, headers)
        with path.open("rb") as file:
            file.seek(start)
            while self.command == "GET" and (block := file.read(_CHUNK)):
                self._body(block)

    def _start(self, status: int, size: int, commit: str, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(size)}.items():
            self.send_header(name, value)
        if commit:
            self.send_header("X-Repo-Commit", commit)
        self.end_headers()

    def _body(self, data: bytes) -> None:
        if self.command == "GET":
            self.wfile.write(data)


def _information(name: str, commit: str, files: dict[str, Path]) -> dict[str, object]:
    siblings = [
        {"rfilename": file, "size": path.stat().st_size, "blobId": _oid(path)}
        for file, path in files.items()
    ]
    return {"_id": commit, "id": name, "modelId": name, "sha": commit, "siblings": siblings}


def _tree(files: dict[str, Path]) -> list[dict[str, object]]:
    return [
        {"type": "file", "path": file, "size": path.stat().st_size, "oid": _oid(path)}
        for file, path in files.items()
    ]


def _oid(path: Path) -> str:
    """Return what changes with a file, without reading gigabytes."""
    stat = path.stat()
    return _hash(path.name, str(stat.st_size), str(stat.st_mtime_ns))


def _hash(*parts: str) -> str:
    return hashlib.sha1("\n".join(parts).encode(), usedforsecurity=False).hexdigest()
