"""A variant and all of the manifest's in; the tags that its image is pushed under out.

Several variants may be meant by one alias, such as two lines of Transformers by `2.13.0-cpu-py311`:
it is the newest one's alone, whichever of them are pushed, and in whatever order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.version import Version

from dockwright.spec import naming

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from dockwright.spec.variants import Variant


def of(variant: Variant, variants: Iterable[Variant]) -> tuple[str, ...]:
    """Return a variant's full tag, then the aliases of which it is the newest owner."""
    siblings = [other for other in variants if other.repository == variant.repository]
    full = {other.tag for other in siblings}
    owned = (
        alias
        for alias in aliases(variant)
        if alias not in full
        and variant is max((v for v in siblings if alias in aliases(v)), key=_age)
    )
    return (variant.tag, *owned)


def aliases(variant: Variant) -> tuple[str, ...]:
    """Return what a variant may be called for short; a pre-release has to be named in full."""
    release = variant.release
    version, python = release.spec.version, release.base.python
    if any(Version(text).is_prerelease for text in (version, release.transformers)):
        return ()
    minor = naming.minor_tag(
        version=version,
        transformers=release.transformers,
        accelerator=variant.accelerator,
        python=python,
        base=release.base.name,
        flavor=release.flavor,
    )
    short = naming.framework_tag(
        version=version, accelerator=variant.accelerator, python=python, flavor=release.flavor
    )
    return (minor, short)


def _age(variant: Variant) -> tuple[Version, Version, str, date, str]:
    """Return what grows from an older variant to a newer one."""
    release = variant.release
    return (
        Version(release.spec.version),
        Version(release.transformers),
        variant.accelerator.name,
        release.base.end_of_support,
        release.base.name,
    )
