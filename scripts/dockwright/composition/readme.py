"""Variants and their bases in; the parts of the README that follow from them, as committed, out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dockwright.composition.render import os_layer
from dockwright.spec import base_lock

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from dockwright.spec.variants import Variant
    from dockwright.workspace import Workspace

HEADER = ("image", "framework", "Transformers", "Python", "on", "at most", "patched until")


def expected(ws: Workspace, variants: Sequence[Variant]) -> dict[Path, str]:
    """Return what the README must say; nothing where there is none, or of an overlay's images."""
    path = ws.committed_path / "README.md"
    try:
        text = path.read_bytes().decode()
    except FileNotFoundError:
        return {}
    text = _filled(text, "images", images(variants))
    return {path: _filled(text, "by hand", by_hand(ws, variants))}


def images(variants: Iterable[Variant]) -> str:
    """Return the table of all images."""
    rows = (
        (
            f"`{v.reference}`",
            f"{v.release.file.title} {v.release.spec.version}",
            v.release.transformers,
            v.release.base.python,
            str(v.accelerator),
            f"{v.budget_bytes // 1_000_000} MB",
            v.release.spec.end_of_patch.isoformat(),
        )
        for v in variants
    )
    return table(HEADER, rows)


def by_hand(ws: Workspace, variants: Sequence[Variant]) -> str:
    """Return how the first image with an OS layer is built without dockwright."""
    variant = next((v for v in variants if os_layer(v)), None)
    if variant is None:
        return ""
    release, base = variant.release, variant.release.base
    lock = base_lock.load(ws.buildspec_path, base)
    layout = f"oci-layout://$STORE/bases/{base.name}"
    context = os_layer(variant)
    assert context
    lines = (
        f"dockwright fetch --to wheels '{variant.identifier}'",
        "docker buildx build \\",
        f"  --file images/{release.folder}/{variant.folder}/Dockerfile \\",
        f"  --build-context base={layout}@{lock.image('base').manifest_digest} \\",
        f"  --build-context {context}={layout}@{lock.image(context).manifest_digest} \\",
        f"  --build-context wheels=wheels/{release.key} \\",
        f"  --build-arg SOURCE_DATE_EPOCH={base.epoch} \\",
        "  --provenance=false --sbom=false \\",
        f"  --output type=image,name={variant.reference},oci-mediatypes=false \\",
        f"  images/{release.folder}",
    )
    return "```sh\n" + "\n".join(lines) + "\n```\n"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table as Markdown has it."""
    lines = [header, ["---"] * len(header), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _filled(text: str, name: str, content: str) -> str:
    """Return the text with other content between the marks of a name, where it has such."""
    start, end = f"<!-- {name}: by dockwright generate -->\n", f"<!-- end of {name} -->\n"
    before, mark, rest = text.partition(start)
    _, closing, after = rest.partition(end)
    return f"{before}{start}\n{content}\n{end}{after}" if mark and closing else text
