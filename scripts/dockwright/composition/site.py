"""A catalogue in; `catalog.json` and the pages that show it, in one folder, out.

The pages need neither a server nor a build step: data comes by a script tag, which also works from a
file, where browsers forbid pages to fetch.
"""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING

from dockwright.spec.records import write_atomically
from dockwright.spec.support import SOON_DAYS

if TYPE_CHECKING:
    from pathlib import Path

    from dockwright.spec.catalog import Catalog

ASSETS = ("index.html", "catalog.css", "model.js", "view.js")


def write(folder: Path, catalog: Catalog) -> None:
    """Write catalogue and pages; whoever reads meanwhile sees whole files."""
    for name, text in files(catalog).items():
        write_atomically(folder / name, text)


def files(catalog: Catalog) -> dict[str, str]:
    """Return name -> text of everything that is in the folder."""
    data = catalog.model_dump_json()
    assets = resources.files("dockwright") / "site"
    return {
        "catalog.json": f"{data}\n",
        # `</script>` or `<!--` in the data must not end or open anything in a page.
        "catalog-data.js": f"window.SOON_DAYS = {SOON_DAYS};\n"
        f"window.CATALOG = {data.replace('<', chr(92) + 'u003c')};\n",
        **{name: (assets / name).read_text(encoding="utf-8") for name in ASSETS},
    }
