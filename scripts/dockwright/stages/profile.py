"""Built images in; which modules of their wheels a start imports, as committed lists, out."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import TYPE_CHECKING

from dockwright import console
from dockwright.spec import lock as locks
from dockwright.spec import modules, records
from dockwright.spec.records import write_atomically

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from docker import DockerClient

    from dockwright.spec.variants import Release, Variant
    from dockwright.workspace import Workspace


Lists = dict[str, dict[str, set[str]]]
"""Release's key -> distribution -> paths of its modules."""


def profile(
    ws: Workspace, variants: Sequence[Variant], releases: Collection[Release], client: DockerClient
) -> None:
    """Import in each image what models need, and write the lists of their releases anew.

    `releases` are all of the manifest's: those of the framework that share wheels with these follow.
    """
    lists = {
        release.key: {name: set(paths) for name, paths in known}
        for release in releases
        if (known := modules.load(release.locks_in(ws.buildspec_path), release.key))
    }
    lists |= _imported(ws, variants, client)
    for framework in {release.framework for release in releases}:
        wheels = {
            release.key: {
                w.wheel.sha256: w.wheel.name for w in locks.load(ws.buildspec_path, release).wheels
            }
            for release in releases
            if release.framework is framework and release.key in lists
        }
        unite(lists, wheels)
    for release in releases:
        if release.key in lists:
            path = modules.path_of(release.locks_in(ws.buildspec_path), release.key)
            write_atomically(path, modules.dumps(_own(ws, release, lists[release.key])))


def _own(ws: Workspace, release: Release, found: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """Return what a release decides on: of one that an overlay extends, the wheels on top alone."""
    if release.extends is None:
        return dict(found)
    ours = {w.wheel.name for w in locks.load(ws.buildspec_path, release.extends).wheels}
    return {name: paths for name, paths in found.items() if name not in ours}


def unite(lists: Lists, wheels: Mapping[str, Mapping[str, str]]) -> None:
    """Give a wheel the same list in all releases that have it, or its layers would not be shared.

    `wheels` has each release's: sha256 -> distribution.
    """
    for sha256, name in {item for of_release in wheels.values() for item in of_release.items()}:
        having = [lists[key] for key, of_release in wheels.items() if sha256 in of_release]
        every = {path for of_release in having for path in of_release.get(name, ())}
        for of_release in having if every else ():
            of_release[name] = set(every)


def _imported(ws: Workspace, variants: Sequence[Variant], client: DockerClient) -> Lists:
    program = (files("dockwright.stages") / "imported_modules.py").read_text("utf-8")
    found: Lists = {}
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
    return found
