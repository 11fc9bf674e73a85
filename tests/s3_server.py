"""A folder in; a server that speaks as much of S3 as fetching an object needs, out.

It runs inside a container beside the jobs, so it needs nothing but Python.

    python s3_server.py FOLDER    # FOLDER/bucket/key; prints its port
"""

from __future__ import annotations

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

FORBIDDEN = "forbidden-bucket"


class Handler(BaseHTTPRequestHandler):
    """Answers for the files below a folder as for objects: /bucket/key."""

    root: Path

    def do_HEAD(self) -> None:
        """Tell of an object."""
        self._answer()

    def do_GET(self) -> None:
        """Send an object."""
        content = self._answer()
        if content is not None:
            self.wfile.write(content)

    def _answer(self) -> bytes | None:
        bucket, _, key = unquote(urlsplit(self.path).path).lstrip("/").partition("/")
        path = self.root / bucket / key
        is_signed = "AWS4-HMAC-SHA256" in self.headers.get("Authorization", "")
        if bucket == FORBIDDEN or not is_signed:
            self._refuse(403, "AccessDenied")
            return None
        if not path.is_file():
            self._refuse(404, "NoSuchKey")
            return None
        content = path.read_bytes()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("ETag", '"1"')
        self.end_headers()
        return content

    def _refuse(self, status: int, code: str) -> None:
        body = f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)


def main() -> None:
    """Serve until the container ends."""
    Handler.root = Path(sys.argv[1])
    server = ThreadingHTTPServer(("0.0.0.0", 0), Handler)  # noqa: S104 - of the tests' network
    sys.stdout.write(f"{server.server_address[1]}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()
