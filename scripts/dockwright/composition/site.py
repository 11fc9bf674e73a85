"""A catalogue in; `catalog.json`, release notes and the pages that show it, in one folder, out.

The pages need neither a server nor a build step: data comes by a script tag, which also works from a
file, where browsers forbid pages to fetch.
"""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING

from dockwright.composition import release_notes
from dockwright.errors import RecordError, StaleError
from dockwright.spec import catalog as catalogs
from dockwright.spec.records import write_atomically
from dockwright.spec.support import SOON_DAYS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dockwright.spec.catalog import Catalog, Image

ASSETS = ("index.html", "catalog.css", "model.js", "page.js", "detail.js", "view.js")
DATA = "catalog.json"
MAX_LINES = 200
MAX_CHARACTERS = 200


def write(folder: Path, catalog: Catalog) -> None:
    """Write catalogue and pages; whoever reads meanwhile sees whole files."""
    for name, text in files(catalog).items():
        write_atomically(folder / name, text)


def files(catalog: Catalog) -> dict[str, str]:
    """Return name -> text of everything that is in the folder."""
    data = catalog.model_dump_json()
    assets = resources.files("dockwright") / "site"
    return {
        DATA: f"{data}\n",
        # `</script>` or `<!--` in the data must not end or open anything in a page.
        "catalog-data.js": f"window.SOON_DAYS = {SOON_DAYS};\n"
        f"window.CATALOG = {data.replace('<', chr(92) + 'u003c')};\n",
        **{name: (assets / name).read_text(encoding="utf-8") for name in ASSETS},
        **{
            f"notes/{key}.md": release_notes.markdown(catalog, key)
            for key in {image.release: None for image in catalog.images}
        },
    }


def check(folder: Path, catalog: Catalog) -> None:
    """Raise StaleError with the differences unless the folder shows this very catalogue."""
    differences = list(_differences(folder, catalog))
    if differences:
        shown = differences[:MAX_LINES]
        more = [f"… {len(differences) - len(shown)} more"] if len(differences) > len(shown) else []
        msg = f"{folder} is stale; run the same command without --check\n"
        raise StaleError(msg + "\n".join(shown + more))


def _differences(folder: Path, catalog: Catalog) -> Iterator[str]:
    """Yield what the folder shows otherwise; when it was made is no difference."""
    try:
        shown = catalogs.parse((folder / DATA).read_bytes(), name=str(folder / DATA))
    except FileNotFoundError:
        yield f"{folder / DATA} is not there"
        return
    except RecordError as e:
        yield str(e)
        return
    before = {image.identifier: image for image in shown.images}
    after = {image.identifier: image for image in catalog.images}
    for name in sorted(before.keys() - after.keys()):
        yield f"{name}: is no longer to be shown"
    for name, image in after.items():
        yield from _image_differences(before.get(name), image)
    for name, text in files(catalog.model_copy(update={"made_at": shown.made_at})).items():
        if not (folder / name).is_file() or (folder / name).read_bytes() != text.encode():
            yield f"{name}: differs"


def _image_differences(before: Image | None, after: Image) -> Iterator[str]:
    if before is None:
        yield f"{after.identifier}: is not shown"
        return
    old, new = before.model_dump(mode="json"), after.model_dump(mode="json")
    for field, value in new.items():
        if old[field] != value:
            yield f"{after.identifier}: {field}: {_told(old[field])} -> {_told(value)}"


def _told(value: object) -> str:
    text = "nothing" if value in (None, [], {}) else str(value)
    return text if len(text) <= MAX_CHARACTERS else f"{text[:MAX_CHARACTERS]}…"
