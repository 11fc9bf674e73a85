"""A package's name and version in; its package URL, the name that bills of materials know it by, out."""

from __future__ import annotations

from urllib.parse import quote


def of_python(name: str, version: str) -> str:
    """Return the package URL of a Python distribution, its name normalized.

    >>> of_python("torch", "2.13.0+cpu")
    'pkg:pypi/torch@2.13.0%2Bcpu'
    """
    return f"pkg:pypi/{name}@{_quoted(version)}"


def of_debian(name: str, version: str, architecture: str, *, suite: str) -> str:
    """Return the package URL of a Debian package.

    >>> of_debian("libc6", "2.36-9+deb12u13", "amd64", suite="bookworm")
    'pkg:deb/debian/libc6@2.36-9%2Bdeb12u13?arch=amd64&distro=bookworm'
    """
    return f"pkg:deb/debian/{_quoted(name)}@{_quoted(version)}?arch={architecture}&distro={suite}"


def of_archive(name: str, version: str) -> str:
    """Return the package URL of a file that no index has."""
    return f"pkg:generic/{name}@{_quoted(version)}"


def of_image(repository: str, digest: str) -> str:
    """Return the package URL of a container image."""
    return f"pkg:oci/{repository}@{quote(digest, safe='')}"


def _quoted(text: str) -> str:
    return quote(text, safe=":~")
