"""Built images in; which modules of their wheels a start imports, as committed lists, out."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import TYPE_CHECKING

from dockwright import console
from dockwright.spec import modules, records
from dockwright.spec.records import write_atomically

if TYPE_CHECKING:
    from collections.abc import Sequence

    from docker import DockerClient

    from dockwright.spec.variants import Variant
    from dockwright.workspace import Workspace


def profile(ws: Workspace, variants: Sequence[Variant], client: DockerClient) -> None:
    """Import in each image what models need, and write each release's list anew."""
    program = (files("dockwright.stages") / "imported_modules.py").read_text("utf-8")
    found: dict[str, dict[str, set[str]]] = {}
    for variant in variants:
        record = records.require_build(ws.out_path, variant.identifier)
        with console.step(f"import in {variant.identifier}"):
            printed = client.containers.run(
                record.reference, ["python3", "-c", program], network_mode="none", remove=True
            )
        of_release = found.setdefault(variant.release.key, {})
        # Our own packages are compiled whole.
        packages = variant.runtime.packages if variant.runtime else ()
        own = {package.distribution for package in packages}
        for name, paths in json.loads(bytes(printed).splitlines()[-1]).items():
            if name not in own:
                of_release.setdefault(name, set()).update(paths)
    for key, of_release in found.items():
        write_atomically(modules.path_of(ws.buildspec_path, key), modules.dumps(of_release))
