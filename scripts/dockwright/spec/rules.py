"""A version that somebody wants in; what common.yml's rules say against it, in words, out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.specifiers import SpecifierSet
from packaging.version import Version

if TYPE_CHECKING:
    from dockwright.spec.axes import Framework
    from dockwright.spec.model import Common


def wanted(common: Common, framework: Framework) -> tuple[str, ...]:
    """Return the rules for a framework's releases as requirements."""
    return tuple(f"{r.package}{r.wants}" for r in common.rules if r.framework is framework)


def against(common: Common, framework: Framework, package: str, version: str) -> str | None:
    """Return why a framework's releases cannot have a package at a version, if they cannot."""
    for rule in common.rules:
        is_meant = rule.framework is framework and rule.package == package
        if is_meant and not SpecifierSet(rule.wants).contains(version, prereleases=True):
            return f"{version} is not {rule.wants}: {rule.reason} ({rule.source})"
    return None


def too_old(common: Common, accelerator: str, driver: str | None) -> str | None:
    """Return why a driver is no minimum for an accelerator, if it is not."""
    for row in common.cuda_drivers:
        is_meant = driver is not None and accelerator.startswith(f"cu{row.cuda}")
        if is_meant and Version(driver or "0") < Version(row.driver):
            return (
                f"{driver} is too old: CUDA {row.cuda} needs a driver of {row.driver} or newer "
                f"({row.source})"
            )
    return None
