"""A repository of a registry in; its blobs, manifests, tags and referrers by the OCI API out."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from dockwright.clients.registry_session import Session, session
from dockwright.errors import HashMismatchError, RegistryError
from dockwright.spec.image import MANIFEST_TYPE, OCI_INDEX_TYPE, OCI_MANIFEST_TYPE, sha256

if TYPE_CHECKING:
    import httpx

__all__ = ["Manifest", "Repository", "session"]

DOCKER_LIST_TYPE = "application/vnd.docker.distribution.manifest.list.v2+json"
ACCEPT = f"{MANIFEST_TYPE}, {OCI_MANIFEST_TYPE}, {DOCKER_LIST_TYPE}, {OCI_INDEX_TYPE}"
ABSENT = frozenset({404})
DIGEST_HEADER = "Docker-Content-Digest"


@dataclass(frozen=True, kw_only=True, slots=True)
class Manifest:
    """A manifest with its exact bytes: they are what the digest names."""

    content: bytes
    media_type: str

    @property
    def digest(self) -> str:
        return sha256(self.content)

    @property
    def document(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.content)
        return document


@dataclass(frozen=True, kw_only=True, slots=True)
class Repository:
    """One repository, such as `huggingface-pytorch-inference`, in an open registry."""

    session: Session
    name: str

    def __str__(self) -> str:
        return f"{self.session.host}/{self.name}"

    @property
    def pull_scopes(self) -> tuple[str, ...]:
        return (f"repository:{self.name}:pull",)

    @property
    def push_scopes(self) -> tuple[str, ...]:
        return (f"repository:{self.name}:pull,push",)

    def url(self, path: str) -> str:
        """Return an address below the repository's."""
        return f"{self.session.base_url}{self.name}/{path}"

    def has_blob(self, digest: str, *, for_push: bool = False) -> bool:
        """Tell whether a blob is there; one login for both when a push follows."""
        scopes = self.push_scopes if for_push else self.pull_scopes
        url = self.url(f"blobs/{digest}")
        return self.session.request("HEAD", url, scopes=scopes, ok=ABSENT).is_success

    def read_blob(self, digest: str) -> bytes:
        """Return a small blob, checked."""
        url = self.url(f"blobs/{digest}")
        content = self.session.request("GET", url, scopes=self.pull_scopes).content
        _check(sha256(content), digest, f"blob {digest} of {self}")
        return content

    def put_manifest(self, target: str, content: bytes, media_type: str = MANIFEST_TYPE) -> str:
        """Publish a manifest under a tag or its digest; return its digest."""
        self._put(target, content, media_type)
        return sha256(content)

    def get_manifest(self, target: str) -> Manifest | None:
        """Return the manifest of a tag or digest, checked; None when there is none."""
        response = self._manifest("GET", target)
        if response is None:
            return None
        manifest = Manifest(
            content=response.content, media_type=response.headers.get("Content-Type", "")
        )
        promised = target if target.startswith("sha256:") else response.headers.get(DIGEST_HEADER)
        _check(manifest.digest, promised, f"manifest {self}:{target}")
        return manifest

    def manifest_digest(self, target: str) -> str | None:
        """Return the digest that a tag has now, or None when there is no such tag."""
        response = self._manifest("HEAD", target)
        if response is None:
            return None
        if digest := response.headers.get(DIGEST_HEADER):
            return str(digest)
        manifest = self.get_manifest(target)  # the header is a courtesy in the specification
        return manifest.digest if manifest else None

    def untag(self, tag: str) -> bool:
        """Remove a tag and nothing else; False where the registry does not do that."""
        url = self.url(f"manifests/{tag}")
        refused = frozenset({400, 403, 404, 405})
        scopes = (f"repository:{self.name}:delete,pull",)
        self.session.request("DELETE", url, scopes=scopes, ok=refused)
        return self.manifest_digest(tag) is None

    def tags(self) -> tuple[str, ...]:
        """Return all tags; none for a repository that is not there yet."""
        found: list[str] = []
        url: str | None = self.url("tags/list")
        while url is not None:
            response = self.session.request("GET", url, scopes=self.pull_scopes, ok=ABSENT)
            if not response.is_success:
                return ()
            found += _json(response, url).get("tags") or ()
            url = response.links.get("next", {}).get("url")
        return tuple(found)

    def is_there(self) -> bool:
        """Tell whether the registry knows the repository; some know none that has no tag."""
        url = self.url("tags/list")
        return self.session.request("GET", url, scopes=self.pull_scopes, ok=ABSENT).is_success

    def referrers(
        self, digest: str, artifact_type: str | None = None
    ) -> tuple[dict[str, Any], ...]:
        """Return the descriptors of what was attached to an image, by either way of finding it."""
        found = self._listed_referrers(digest, artifact_type)
        if found is None:
            index = self.get_manifest(fallback_tag(digest))
            found = index.document["manifests"] if index else []
        wanted = (d for d in found if artifact_type in {None, d.get("artifactType")})
        return tuple(wanted)

    def attach(self, content: bytes, *, subject: str) -> str:
        """Publish an OCI manifest whose `subject` is an image; return its digest.

        Registries that do not keep the list of referrers themselves get it as a tagged index.
        """
        digest = sha256(content)
        response = self._put(digest, content, OCI_MANIFEST_TYPE)
        if "OCI-Subject" not in response.headers:
            self._list_referrer(_descriptor(content), subject)
        return digest

    def _put(self, target: str, content: bytes, media_type: str) -> httpx.Response:
        response = self.session.request(
            "PUT",
            self.url(f"manifests/{target}"),
            scopes=self.push_scopes,
            headers={"Content-Type": media_type},
            content=content,
        )
        _check(response.headers.get(DIGEST_HEADER), sha256(content), f"manifest {self}:{target}")
        return response

    def _manifest(self, method: str, target: str) -> httpx.Response | None:
        url = self.url(f"manifests/{target}")
        accept = {"Accept": ACCEPT}
        response = self.session.request(
            method, url, scopes=self.pull_scopes, ok=ABSENT, headers=accept
        )
        return response if response.is_success else None

    def _listed_referrers(self, digest: str, artifact_type: str | None) -> list[Any] | None:
        query = f"?artifactType={quote(artifact_type, safe='')}" if artifact_type else ""
        found: list[Any] = []
        url: str | None = self.url(f"referrers/{digest}{query}")
        while url is not None:
            response = self.session.request(
                "GET", url, scopes=self.pull_scopes, ok=frozenset({400, 404, 405})
            )
            if not response.is_success or OCI_INDEX_TYPE not in response.headers["Content-Type"]:
                return None
            found += _json(response, url)["manifests"]
            url = response.links.get("next", {}).get("url")
        return found

    def _list_referrer(self, descriptor: dict[str, Any], subject: str) -> None:
        """Add to the list of referrers; another's list may win meanwhile, so look and try again."""
        tag = fallback_tag(subject)
        for _ in range(3):
            current = self.get_manifest(tag)
            listed = current.document["manifests"] if current else []
            if any(entry["digest"] == descriptor["digest"] for entry in listed):
                return
            index = {
                "schemaVersion": 2,
                "mediaType": OCI_INDEX_TYPE,
                "manifests": [*listed, descriptor],
            }
            self.put_manifest(tag, json.dumps(index).encode(), OCI_INDEX_TYPE)
        final = self.get_manifest(tag)
        if final is None or descriptor["digest"] not in final.content.decode():
            msg = f"{self}:{tag}: others write the list of referrers at the same time; try again"
            raise RegistryError(msg)


def fallback_tag(digest: str) -> str:
    """Return the tag under which registries without a referrers API keep the list.

    >>> fallback_tag("sha256:abc")
    'sha256-abc'
    """
    return digest.replace(":", "-")


def _descriptor(content: bytes) -> dict[str, Any]:
    document = json.loads(content)
    artifact_type = document.get("artifactType") or document["config"]["mediaType"]
    annotations = document.get("annotations")
    return {
        "mediaType": OCI_MANIFEST_TYPE,
        "digest": sha256(content),
        "size": len(content),
        "artifactType": artifact_type,
        **({"annotations": annotations} if annotations else {}),
    }


def _check(actual: str | None, promised: str | None, what: str) -> None:
    """Refuse bytes that are not what they are called; a missing promise can't be broken."""
    if actual is not None and promised is not None and actual != promised:
        msg = f"{what} is {actual}, not {promised}: bytes were changed on the way; do not use it"
        raise HashMismatchError(msg)


def _json(response: httpx.Response, url: str) -> dict[str, Any]:
    try:
        document = response.json()
    except ValueError:
        document = None
    if not isinstance(document, dict):
        msg = f"{url} did not answer as a registry does; is the address right?"
        raise RegistryError(msg)
    return document
