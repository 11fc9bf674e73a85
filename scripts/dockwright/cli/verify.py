"""`dockwright verify`: what is proven of an image in a registry."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from dockwright import console, workspace
from dockwright.cli.common import Json
from dockwright.spec.registries import Identity

if TYPE_CHECKING:
    from dockwright.stages.verify.run import Verified
    from dockwright.stages.verify.verdict import Line


def verify(
    reference: Annotated[
        str, typer.Argument(metavar="REF", help="HOST/REPOSITORY:TAG, or @sha256:… for the tag.")
    ],
    *,
    key: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="The public key, cosign.pub. Without any nothing counts as signed."
        ),
    ] = None,
    identity: Annotated[
        str | None,
        typer.Option(
            "--certificate-identity",
            metavar="SUBJECT",
            help="Instead of a key: who has signed, as the certificate names them.",
        ),
    ] = None,
    issuer: Annotated[
        str | None,
        typer.Option(
            "--certificate-oidc-issuer", metavar="URL", help="Who vouches for that identity."
        ),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Only what can be told without reading the layers.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Check an image and its evidence, with nothing but the registry and a public key.

    The registry is not trusted, the key is: evidence that it has not signed counts as absent.
    """
    from dockwright.clients import cosign, registry, registry_reference  # noqa: PLC0415 - slow
    from dockwright.stages.verify import run  # noqa: PLC0415 - likewise

    parsed = registry_reference.parse(reference)
    home = workspace.home()
    trusted = _trusted(key, identity, issuer)
    verifies = partial(cosign.problem, cosign.verifier(home, trusted)) if trusted else None
    lines = []
    with registry.session(parsed.host) as session:
        subject = run.find(parsed, session, verifies)
        for line in run.verify(
            subject,
            today=datetime.now(UTC).date(),
            scratch_path=home / "uploads",
            with_layers=not quick,
        ):
            if not as_json:
                _tell(line)
            lines.append(line)
    verified = run.Verified(reference=reference, digest=subject.digest, lines=tuple(lines))
    if as_json:
        console.out_json(_document(verified))
    run.require_verified(verified)


def _trusted(key: str | None, subject: str | None, issuer: str | None) -> str | Identity | None:
    """Return whose signatures count."""
    if bool(subject) != bool(issuer) or (key and subject):
        msg = "name --key, or --certificate-identity together with --certificate-oidc-issuer"
        raise typer.BadParameter(msg)
    return Identity(subject=subject, issuer=issuer) if subject and issuer else key


def _tell(line: Line) -> None:
    console.out(f"{line.verdict.upper():<7} {line.name:<11} {line.reason}")


def _document(verified: Verified) -> dict[str, object]:
    return {
        "reference": verified.reference,
        "digest": verified.digest,
        "is_verified": not verified.bad,
        "lines": [
            {"name": line.name, "verdict": line.verdict, "reason": line.reason}
            for line in verified.lines
        ],
    }
