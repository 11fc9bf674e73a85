"""A folder in, a tiny Fulcio and Rekor on this machine's loopback out: certificates for identities, and a log.

What cosign asks of both to sign without a key, and no more. Nothing is checked of the identity's
token: that is Fulcio's work, and not ours to prove.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from dockwright import process

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CURVE = ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
ISSUER_OID = "1.3.6.1.4.1.57264.1.1"
LEAF = """\
keyUsage=critical,digitalSignature
extendedKeyUsage=codeSigning
subjectAltName=critical,URI:{identity}
{issuer_oid}=DER:{issuer}
"""


@dataclass
class Sigstore:
    """Both services, with their keys in a folder."""

    folder: Path
    address: str = ""
    entries: list[dict[str, Any]] = field(default_factory=list)

    def environment(self, identity: str, issuer: str) -> dict[str, str]:
        """Return what a CI job has in its environment that is to sign as an identity."""
        claims = {"iss": issuer, "sub": identity, "aud": "sigstore", "exp": time.time() + 600}
        token = ".".join((_encoded({"alg": "ES256"}), _encoded(claims), "AAAA"))
        return {
            "SIGSTORE_ID_TOKEN": token,
            "COSIGN_FULCIO_URL": self.address,
            "COSIGN_REKOR_URL": self.address,
            "COSIGN_INSECURE_SKIP_VERIFY": "true",  # there is no log of certificates here
        }

    @property
    def trust(self) -> dict[str, str]:
        """What lets cosign trust these services in the place of the public ones."""
        return {
            "SIGSTORE_ROOT_FILE": str(self.folder / "ca.pem"),
            "SIGSTORE_REKOR_PUBLIC_KEY": str(self.folder / "log.pub"),
            "COSIGN_INSECURE_IGNORE_SCT": "true",  # there is no log of certificates here
        }

    def certificate(self, asked: dict[str, Any], token: str) -> bytes:
        """Return a certificate for ten minutes' use of the key that a token's owner has."""
        claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
        public = base64.b64decode(asked["publicKey"]["content"])
        key_path, leaf_path, extensions_path = (
            self.folder / name for name in ("leaf.pub", "leaf.pem", "leaf.cnf")
        )
        key_path.write_bytes(public)
        extensions = LEAF.format(
            identity=claims["sub"], issuer=claims["iss"].encode().hex(":"), issuer_oid=ISSUER_OID
        )
        extensions_path.write_text(extensions, encoding="utf-8")
        ca = ("-CA", self.folder / "ca.pem", "-CAkey", self.folder / "ca.key", "-days", "1")
        key = ("-new", "-force_pubkey", key_path, "-subj", "/", "-extfile", extensions_path)
        _openssl("x509", *key, *ca, "-out", leaf_path)
        return leaf_path.read_bytes() + (self.folder / "ca.pem").read_bytes()

    def logged(self, entry: dict[str, Any]) -> dict[str, Any]:
        """Return the log's promise that it has an entry."""
        body = base64.b64encode(_canonical(entry)).decode()
        public = (self.folder / "log.der").read_bytes()
        promised = {
            "body": body,
            "integratedTime": int(time.time()),
            "logID": hashlib.sha256(public).hexdigest(),
            "logIndex": len(self.entries),
        }
        (self.folder / "promise").write_bytes(_canonical(promised))
        sign = ("-sign", self.folder / "log.key", "-out", self.folder / "promise.sig")
        _openssl("dgst", "-sha256", *sign, self.folder / "promise")
        signature = base64.b64encode((self.folder / "promise.sig").read_bytes()).decode()
        self.entries.append(entry)
        return {
            f"{len(self.entries):064x}": promised
            | {"verification": {"signedEntryTimestamp": signature}}
        }


@contextmanager
def running(folder: Path) -> Iterator[Sigstore]:
    """Run both services for the length of a block."""
    its = Sigstore(folder)
    _openssl("genpkey", *CURVE, "-out", folder / "ca.key")
    ca = ("-x509", "-key", folder / "ca.key", "-days", "2", "-subj", "/CN=fulcio/O=test")
    usage = ("-addext", "keyUsage=critical,keyCertSign,cRLSign")
    _openssl("req", *ca, *usage, "-out", folder / "ca.pem")
    _openssl("genpkey", *CURVE, "-out", folder / "log.key")
    _openssl("pkey", "-in", folder / "log.key", "-pubout", "-out", folder / "log.pub")
    der = ("-pubout", "-outform", "DER", "-out", folder / "log.der")
    _openssl("pkey", "-in", folder / "log.key", *der)
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with lock:
                if self.path == "/api/v1/signingCert":
                    token = self.headers["Authorization"].removeprefix("Bearer ")
                    content, kind = (
                        its.certificate(asked, token),
                        "application/pem-certificate-chain",
                    )
                else:
                    assert self.path == "/api/v1/log/entries"
                    content, kind = json.dumps(its.logged(asked)).encode(), "application/json"
            self.send_response(201)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    its.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield its
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _openssl(*args: str | Path) -> None:
    process.run(("openssl", *args), timeout_s=60)


def _canonical(document: dict[str, Any]) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


def _encoded(part: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(_canonical(part)).rstrip(b"=").decode()
