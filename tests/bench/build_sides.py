"""A site and a registry in; one build by one side, pushed and measured, out.

Commands are run as their users run them, as processes. Wheels, the base and the engine are there
for every side; what a build leaves behind is removed before the next one.
"""

from __future__ import annotations

import json
import shutil
import sys
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING

from bench import build_meter, build_site
from dockwright import process
from dockwright.clients import docker, image_files, registry_push
from dockwright.clients.registry import Repository, session
from dockwright.composition import base, wheels
from dockwright.spec import base_lock
from dockwright.spec import lock as locks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from bench.build_meter import Registry, Spent
    from bench.build_site import Site

TIMEOUT_S = 3600.0
PEER_TAG = "peer:latest"
# What is bound costs nothing, where copying the wheels in would; dependencies are solved already.
DOCKERFILE = """\
FROM base
RUN --mount=type=bind,from=wheels,target=/wheels \\
  python3 /wheels/{pip}/pip install --no-index --find-links /wheels --no-deps --no-cache-dir \\
  --break-system-packages --root-user-action ignore --requirement /wheels/requirements.txt
"""
WARM_UP = "FROM base\nRUN --mount=type=bind,from=wheels,target=/wheels ls /wheels\n"


class Side(StrEnum):
    """Who builds and pushes."""

    PEER = "pip install, BuildKit"
    BUILDKIT = "dockwright, BuildKit"
    KNOWN = "dockwright, assembled"
    UNKNOWN = "dockwright, assembled thoroughly"


@contextmanager
def cold(site: Site, side: Side) -> Iterator[Spent]:
    """Build with nothing but wheels, base and engine at hand, and push to an empty registry.

    What was built stays for the length of a block.
    """
    with build_site.registry(site) as registry:
        try:
            with build_meter.metered(site.engine_pid, registry) as spent:
                COLD[side](site, registry)
            yield spent
        finally:
            clear(site)


def clear(site: Site) -> None:
    """Remove what builds have left: images, snapshots, layers, records; not the wheels sent in."""
    with docker.connect(site.engine) as client:
        for image in client.images.list():
            assert image.id is not None
            client.images.remove(image.id, force=True)
        client.api.prune_builds(filters={"type": ["regular"]}, all=True)  # type: ignore[arg-type]
    for path in (site.ws.layers_path, site.ws.out_path, site.ws.uploads_path):
        shutil.rmtree(path, ignore_errors=True)


def dockwright(site: Site, *args: str) -> str:
    """Run our program in the site."""
    argv = (sys.executable, "-m", "dockwright", *args)
    # The site's own engine, not the host's; our modules stay compiled, as they do for most users.
    env = {
        "DOCKWRIGHT_HOME": str(site.ws.home),
        "DOCKER_HOST": site.engine.host,
        "PYTHONDONTWRITEBYTECODE": "",
    }
    return process.run(argv, cwd=site.ws.root, env=env, timeout_s=TIMEOUT_S)


def assemble(site: Site, registry: Registry, *more: str) -> None:
    """Assemble the image into the registry."""
    to = f"registry:{registry.address}/bench"
    dockwright(site, "build", site.variant.identifier, "--builder", "assemble", "--to", to, *more)


def _thoroughly(site: Site, registry: Registry) -> None:
    assemble(site, registry, "--no-cache")


def buildkit(site: Site, *more: str) -> str:
    """Build the image into the engine; return its digest."""
    args = ("build", site.variant.identifier, "--builder", "buildkit", "--json", *more)
    (record,) = json.loads(dockwright(site, *args))
    return str(record["digest"])


def _buildkit(site: Site, registry: Registry) -> None:
    digest = buildkit(site, "--no-cache")
    reference = site.variant.reference
    # As `dockwright push` does, which wants the image checked first.
    with (
        docker.connect(site.engine) as client,
        session(registry.address) as opened,
        image_files.opened(
            client, digest, reference=reference, scratch_path=site.ws.uploads_path
        ) as image,
    ):
        repository = Repository(session=opened, name="bench")
        registry_push.push(repository, image, tags=["latest"])


def peer(site: Site, registry: Registry) -> None:
    """Build the image as most people do, and push it."""
    name, _, _ = PEER_TAG.partition(":")
    _buildx(site, "Dockerfile", "--push", "--tag", f"{registry.address}/{name}")


def warm_up(site: Site) -> None:
    """Have the engine unpack the base and take the peer's wheels in, which is not measured."""
    folder = _peer_path(site)
    wheels_path = folder / "wheels"
    lock = locks.load(site.ws.buildspec_path, site.variant.release)
    last = [wheel for layer in site.wheel_layers for wheel in layer.wheels]
    wheels.stage(site.ws.wheels_path, last, wheels_path)
    pins = "\n".join(sorted(f"{wheel.name}=={wheel.version}" for wheel in last))
    (wheels_path / "requirements.txt").write_text(f"{pins}\n", encoding="utf-8")
    (pip,) = [w.wheel.filename for w in lock.wheels if w.wheel.name == "pip"]
    (folder / "Dockerfile").write_text(DOCKERFILE.format(pip=pip), encoding="utf-8")
    (folder / "Dockerfile.warm-up").write_text(WARM_UP, encoding="utf-8")
    _buildx(site, "Dockerfile.warm-up", "--output", "type=cacheonly")


def _peer_path(site: Site) -> Path:
    return site.ws.home / "peer"


def _buildx(site: Site, dockerfile: str, *more: str) -> None:
    folder = _peer_path(site)
    spec = site.variant.release.base
    images = base.ensure(spec, base_lock.load(site.ws.buildspec_path, spec), site.ws)
    contexts = {"base": images.base_ref, "wheels": str(folder / "wheels")}
    given = [f"--build-context={name}={at}" for name, at in contexts.items()]
    empty = folder / "context"
    empty.mkdir(exist_ok=True)
    argv = (*site.engine.buildx, "build", "--no-cache", f"--file={folder / dockerfile}", *given)
    process.run((*argv, *more, str(empty)), env=site.engine.env, timeout_s=TIMEOUT_S)


COLD: dict[Side, Callable[[Site, Registry], None]] = {
    Side.PEER: peer,
    Side.BUILDKIT: _buildkit,
    Side.KNOWN: assemble,
    Side.UNKNOWN: _thoroughly,
}
