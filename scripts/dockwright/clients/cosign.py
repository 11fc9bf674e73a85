"""Digests of a repository in; signatures beside them, made or checked by cosign, out.

Keys never come near us: cosign reads its private key from where COSIGN_KEY says and the password
from COSIGN_PASSWORD, both in the environment. Without a key it signs as the identity that CI vouches
for, with a certificate of minutes that Fulcio gives and Rekor logs; other ones than the public
services are a matter of cosign's own environment, too (COSIGN_FULCIO_URL, SIGSTORE_ROOT_FILE, …).
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dockwright import process
from dockwright.clients import apt
from dockwright.clients.engine_programs import ENGINE_SUITE
from dockwright.errors import DockwrightError, ProcessError
from dockwright.spec.image import sha256

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dockwright.clients.registry import Repository
    from dockwright.spec.registries import Identity

KEY_SETTING = "COSIGN_KEY"
# What cosign's own way to an identity without a key reads: a token, or where CI hands one out.
IDENTITY_SETTINGS = ("SIGSTORE_ID_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_URL")
PEM = "-----BEGIN"
IN_ENVIRONMENT = "env://"
TIMEOUT_S = 300.0
NO_SIGNATURE = "nobody has signed it"
OTHER_SIGNATURE = "it is signed, but by nobody who is trusted"


@dataclass(frozen=True, kw_only=True, slots=True)
class Signer:
    """How to sign: with a key (a file, or what else cosign takes) or, without one, an identity."""

    program: str
    key: str | None

    @property
    def fingerprint(self) -> str:
        """What changes with the key; not its public half's, which cosign would need a password for."""
        key = self.key or ""
        if key.startswith(IN_ENVIRONMENT):
            key = os.environ[KEY_SETTING]
        elif Path(key).is_file():
            key = Path(key).read_text(encoding="utf-8")
        return sha256(key.encode())


@dataclass(frozen=True, kw_only=True, slots=True)
class Verifier:
    """Whose signatures count: a public key's, or an identity's."""

    program: str
    trusted: str | Identity


def signer(home: Path) -> Signer | None:
    """Return how this process may sign, or None where its environment has no key nor identity."""
    key = os.environ.get(KEY_SETTING) or None
    if key is not None and key.startswith(PEM):
        key = f"{IN_ENVIRONMENT}{KEY_SETTING}"  # a key itself is never on a command line
    if key is None and not any(os.environ.get(name) for name in IDENTITY_SETTINGS):
        return None
    return Signer(program=program(home), key=key)


def verifier(home: Path, trusted: str | Identity) -> Verifier:
    """Return what checks signatures by a public key, or by who has signed without one."""
    if isinstance(trusted, str) and "://" not in trusted and not Path(trusted).is_file():
        msg = f"{trusted}: no such file; name the public key, such as cosign.pub"
        raise DockwrightError(msg)
    return Verifier(program=program(home), trusted=trusted)


def program(home: Path) -> str:
    """Return cosign's path: the one that is installed, else Debian's, fetched on first use."""
    if installed := shutil.which("cosign"):
        return installed
    into = home / "cosign"
    try:
        apt.fetch(["cosign"], suite=ENGINE_SUITE, state_path=home / "apt", into=into)
    except ProcessError as e:
        msg = f"cosign is not installed and is fetched on Debian only ({e}); install cosign 2"
        raise ProcessError(msg) from None
    return str(into / "usr" / "bin" / "cosign")


def sign(signer: Signer, repository: Repository, digests: Iterable[str]) -> None:
    """Sign manifests of a repository; the signatures lie beside them under tags of cosign's."""
    key = ("--key", signer.key, "--tlog-upload=false") if signer.key else ()
    argv = (signer.program, "sign", "--yes", *key, *_plain(repository))
    process.run((*argv, *(f"{repository}@{d}" for d in digests)), timeout_s=TIMEOUT_S)


def problem(verifier: Verifier, repository: Repository, digest: str) -> str | None:
    """Return why no signature of a trusted one's stands for a manifest; None when one does."""
    argv = (verifier.program, "verify", *_trusting(verifier.trusted), *_plain(repository))
    try:
        process.run((*argv, f"{repository}@{digest}"), timeout_s=TIMEOUT_S)
    except ProcessError as e:
        if "no signatures found" in e.stderr:
            return NO_SIGNATURE
        if "no matching signatures" in e.stderr:
            return OTHER_SIGNATURE
        raise
    return None


def _trusting(trusted: str | Identity) -> tuple[str, ...]:
    """Return cosign's words: a key's signature needs no log, a certificate's is worth nothing without."""
    if isinstance(trusted, str):
        return ("--key", trusted, "--insecure-ignore-tlog=true")
    who = ("--certificate-identity", trusted.subject)
    return (*who, "--certificate-oidc-issuer", trusted.issuer)


def _plain(repository: Repository) -> tuple[str, ...]:
    is_plain = repository.session.base_url.startswith("http://")
    return ("--allow-http-registry", "--allow-insecure-registry") if is_plain else ()
