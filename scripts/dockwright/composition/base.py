"""A BaseSpec and its lock in; the base image and its OS layers in the local store out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dockwright import console
from dockwright.clients import filelock
from dockwright.composition import bootstrap, debian_packages, oci_layout, rootfs
from dockwright.errors import BaseImageError, StaleError
from dockwright.spec import base_lock
from dockwright.spec.base_lock import BaseLock, LockedImage

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from dockwright.composition.rootfs import Rootfs
    from dockwright.spec.base import BaseSpec
    from dockwright.spec.base_lock import DebianPackage
    from dockwright.workspace import Workspace


@dataclass(frozen=True, kw_only=True, slots=True)
class BaseImages:
    """A base in the local store: an OCI layout that BuildKit takes as named contexts."""

    layout_path: Path
    lock: BaseLock
    """What is really there: the committed lock unless drifted."""
    drift: tuple[str, ...]
    """How it differs from the committed lock, line by line."""

    @property
    def drifted(self) -> bool:
        """Whether today's packages stand in for the locked ones: such an image is not pushed."""
        return bool(self.drift)

    @property
    def base_ref(self) -> str:
        """The base image, as BuildKit names a context."""
        return self._ref(base_lock.BASE)

    @property
    def os_refs(self) -> dict[str, str]:
        """The OS layers' images by name (`os-training`), likewise."""
        names = (image.name for image in self.lock.images if image.name != base_lock.BASE)
        return {name: self._ref(name) for name in names}

    def _ref(self, name: str) -> str:
        return f"oci-layout://{self.layout_path}@{self.lock.image(name).manifest_digest}"


def ensure(spec: BaseSpec, lock: BaseLock, workspace: Workspace) -> BaseImages:
    """Return the locked images if the store has them, else bootstrap today's packages."""
    layout_path = _layout_path(spec, workspace)
    if _is_stored(layout_path, lock):
        return BaseImages(layout_path=layout_path, lock=lock, drift=())
    with _locked(spec, workspace):
        # Another process may have done the work while we waited.
        if _is_stored(layout_path, lock):
            return BaseImages(layout_path=layout_path, lock=lock, drift=())
        actual = _stand_in(layout_path, lock) or _bootstrap(spec, workspace)
        drift = base_lock.differences(lock, actual)
        if drift:
            _tell_drift(spec, drift)
            text = base_lock.dumps(actual)
            oci_layout.write_atomically(_stand_in_path(layout_path, lock), text.encode())
    return BaseImages(layout_path=layout_path, lock=actual, drift=drift)


def lock_base(spec: BaseSpec, workspace: Workspace) -> BaseLock:
    """Bootstrap today's packages into the store and return their lock."""
    with _locked(spec, workspace):
        return _bootstrap(spec, workspace)


def store(spec: BaseSpec, layout_path: Path, tars: Mapping[str, Path]) -> BaseLock:
    """Write the tars of the bootstraps into a layout as images: the base, differences to it."""
    with rootfs.opened(tars[base_lock.BASE]) as whole:
        packages = debian_packages.installed(whole)
        _check_python(spec, packages)
        base = rootfs.clean(whole)
        images = [_store_image(spec, layout_path, base_lock.BASE, base, packages)]
        for layer in spec.os_layers:
            name = base_lock.os_image(layer.name)
            with rootfs.opened(tars[name]) as full:
                changes = rootfs.difference(base, rootfs.clean(full), name=layer.name)
                more = debian_packages.added(packages, debian_packages.installed(full))
                images.append(_store_image(spec, layout_path, name, changes, more))
    return BaseLock(format=base_lock.FORMAT, spec_sha256=spec.sha256, images=tuple(images))


def _layout_path(spec: BaseSpec, workspace: Workspace) -> Path:
    return workspace.bases_path / spec.name


def _locked(spec: BaseSpec, workspace: Workspace) -> AbstractContextManager[None]:
    # One for all bases: they share apt's state, and two bootstraps at once gain nothing.
    return filelock.exclusive(
        workspace.bases_path / "bootstrap.lock",
        doing=f"bootstrapping base {spec.name}",
        wait_s=bootstrap.TIMEOUT_S,
    )


def _is_stored(layout_path: Path, lock: BaseLock) -> bool:
    return all(oci_layout.find_image(layout_path, digest) is not None for digest in lock.digests)


def _stand_in_path(layout_path: Path, lock: BaseLock) -> Path:
    """Return where it is kept what a bootstrap gave instead of this very lock."""
    return layout_path / f"instead-of-{lock.image(base_lock.BASE).manifest_digest[7:19]}.json"


def _stand_in(layout_path: Path, lock: BaseLock) -> BaseLock | None:
    """Return what an earlier bootstrap gave for this lock: drift costs a minute only once."""
    path = _stand_in_path(layout_path, lock)
    try:
        actual = base_lock.loads(path.read_text(encoding="utf-8"), name=str(path))
    except (FileNotFoundError, StaleError):
        return None
    same_spec = actual.spec_sha256 == lock.spec_sha256
    return actual if same_spec and _is_stored(layout_path, actual) else None


def _bootstrap(spec: BaseSpec, workspace: Workspace) -> BaseLock:
    wanted = [bootstrap.Wanted(name=base_lock.BASE, packages=_sorted(spec.packages))]
    for layer in spec.os_layers:
        packages = _sorted((*spec.packages, *layer.packages))
        wanted.append(bootstrap.Wanted(name=base_lock.os_image(layer.name), packages=packages))
    with (
        bootstrap.work_folder(bootstrap.work_parent(workspace), roots=len(wanted)) as work,
        console.step(f"bootstrap base {spec.name}: {', '.join(root.name for root in wanted)}"),
    ):
        tars = bootstrap.bootstrap(
            wanted,
            suite=spec.suite,
            architecture=spec.architecture,
            epoch=spec.epoch,
            work=work,
            home=workspace.home,
        )
        return store(spec, _layout_path(spec, workspace), tars)


def _store_image(
    spec: BaseSpec,
    layout_path: Path,
    name: str,
    content: Rootfs,
    packages: tuple[DebianPackage, ...],
) -> LockedImage:
    with oci_layout.new_layer(layout_path) as writer:
        unpacked_bytes = rootfs.write(content, writer, epoch=spec.epoch)
    layer = writer.layer
    image = oci_layout.add_image(
        layout_path,
        (layer,),
        ref_name=name,
        architecture=spec.architecture,
        epoch=spec.epoch,
        created_by=f"Debian {spec.suite}: {' '.join(p.name for p in packages)}",
    )
    console.debug(f"{name}: {console.human_bytes(layer.size_bytes)}, {image.digest}")
    return LockedImage(
        name=name,
        manifest_digest=image.digest,
        config_digest=image.config_digest,
        layer_digest=layer.digest,
        diff_id=layer.diff_id,
        size_bytes=layer.size_bytes,
        unpacked_bytes=unpacked_bytes,
        packages=packages,
    )


def _check_python(spec: BaseSpec, packages: tuple[DebianPackage, ...]) -> None:
    version = next((p.version for p in packages if p.name == "python3"), "none")
    if not version.startswith(f"{spec.python}."):
        msg = (
            f"base {spec.name}: Debian {spec.suite} with the manifest's packages has python3 "
            f"{version}, the manifest says {spec.python}; correct it in buildspec/common.yml"
        )
        raise BaseImageError(msg)


def _tell_drift(spec: BaseSpec, drift: tuple[str, ...]) -> None:
    lines = "\n".join(f"  {line}" for line in drift)
    console.warn(
        f"base {spec.name} has drifted: neither the store nor today's mirror has the locked "
        f"packages; builds go on, push will refuse until `dockwright lock --base`:\n{lines}"
    )


def _sorted(packages: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(packages)))
