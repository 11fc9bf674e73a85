"""Manifests keep their bytes, tags are all found, and what is attached is found again."""

from __future__ import annotations

import json
import ssl

import httpx
import pytest

from dockwright.clients.registry import Repository, fallback_tag
from dockwright.clients.registry_session import session
from dockwright.errors import HashMismatchError, RegistryError
from dockwright.spec.image import MANIFEST_TYPE, OCI_INDEX_TYPE, sha256
from fake_registry import HOST, FakeRegistry, error, opened

NAME = "team/image"
MANIFEST = b'{ "schemaVersion": 2,\n  "spaces": "kept" }'
DIGEST = sha256(MANIFEST)


def artifact(text: str) -> bytes:
    return json.dumps(
        {
            "schemaVersion": 2,
            "artifactType": "test/thing",
            "annotations": {"text": text},
            "subject": {"mediaType": MANIFEST_TYPE, "digest": DIGEST, "size": len(MANIFEST)},
        }
    ).encode()


def test_a_manifest_comes_back_to_the_byte_by_tag_and_digest() -> None:
    with opened(FakeRegistry()) as repository:
        assert repository.put_manifest("1", MANIFEST) == DIGEST
        for target in ("1", DIGEST):
            found = repository.get_manifest(target)
            assert found is not None
            assert (found.content, found.media_type, found.digest) == (
                MANIFEST,
                MANIFEST_TYPE,
                DIGEST,
            )
        assert repository.manifest_digest("1") == DIGEST


def test_what_is_not_there_is_none() -> None:
    with opened(FakeRegistry()) as repository:
        assert repository.get_manifest("1") is None
        assert repository.manifest_digest("1") is None
        assert repository.tags() == ()
        assert repository.referrers(DIGEST) == ()
        assert not repository.has_blob(DIGEST)
        with pytest.raises(RegistryError, match=r"404 Not Found \(BLOB_UNKNOWN.*check the name"):
            repository.read_blob(DIGEST)


@pytest.mark.parametrize("target", ["1", DIGEST])
def test_another_manifest_than_was_promised_is_refused(target: str) -> None:
    def handler(_: httpx.Request) -> httpx.Response:
        headers = {"Content-Type": MANIFEST_TYPE, "Docker-Content-Digest": DIGEST}
        return httpx.Response(200, headers=headers, content=b"{}")

    with opened(handler) as repository, pytest.raises(HashMismatchError, match="do not use it"):
        repository.get_manifest(target)


def test_a_registry_that_stored_another_manifest_is_caught() -> None:
    def handler(_: httpx.Request) -> httpx.Response:
        return httpx.Response(201, headers={"Docker-Content-Digest": sha256(b"other")})

    with opened(handler) as repository, pytest.raises(HashMismatchError):
        repository.put_manifest("1", MANIFEST)


def test_a_changed_blob_is_refused() -> None:
    registry = FakeRegistry(blobs={NAME: {DIGEST: b"changed"}})
    with opened(registry) as repository, pytest.raises(HashMismatchError):
        repository.read_blob(DIGEST)


def test_a_registry_that_names_no_digest_is_asked_for_the_manifest() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        content = MANIFEST if request.method == "GET" else b""
        return httpx.Response(200, headers={"Content-Type": MANIFEST_TYPE}, content=content)

    with opened(handler) as repository:
        assert repository.manifest_digest("1") == DIGEST


def test_tags_of_all_pages_are_found() -> None:
    tags = ("1", "2", "3", "4", "5")
    with opened(FakeRegistry()) as repository:
        for tag in tags:
            repository.put_manifest(tag, MANIFEST)
        assert repository.tags() == tags


def test_a_page_that_is_not_a_registrys_is_an_error() -> None:
    def handler(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, text="<html>Welcome</html>")

    with opened(handler) as repository, pytest.raises(RegistryError, match="not answer as a regis"):
        repository.tags()


@pytest.mark.parametrize("has_api", [True, False])
def test_what_was_attached_is_found_by_either_way(*, has_api: bool) -> None:
    registry = FakeRegistry(has_referrers_api=has_api)
    with opened(registry) as repository:
        repository.put_manifest("1", MANIFEST)
        digests = [repository.attach(artifact(text), subject=DIGEST) for text in ("a", "b", "a")]
        found = repository.referrers(DIGEST)
        assert {entry["digest"] for entry in found} == set(digests)
        assert len(found) == 2
        assert repository.referrers(DIGEST, "test/thing") == found
        assert repository.referrers(DIGEST, "test/other") == ()
    assert ((NAME, fallback_tag(DIGEST)) in registry.manifests) is not has_api


def test_a_list_that_another_overwrote_gets_both_entries() -> None:
    registry = FakeRegistry()
    other = {"digest": sha256(b"other"), "artifactType": "test/thing"}

    def overwritten(_: httpx.Request) -> httpx.Response:
        """Another's list, written a moment later, wins over ours."""
        index = {"schemaVersion": 2, "mediaType": OCI_INDEX_TYPE, "manifests": [other]}
        stored = (OCI_INDEX_TYPE, json.dumps(index).encode())
        registry.manifests[NAME, fallback_tag(DIGEST)] = stored
        return httpx.Response(201)

    registry.faults.append((r"PUT .*/sha256-", overwritten))
    with opened(registry) as repository:
        digest = repository.attach(artifact("a"), subject=DIGEST)
        found = {entry["digest"] for entry in repository.referrers(DIGEST)}
    assert found == {digest, other["digest"]}


def test_a_list_that_is_always_overwritten_is_an_error() -> None:
    registry = FakeRegistry()
    for _ in range(5):
        registry.fail(r"PUT .*/sha256-", 201)  # says yes and stores nothing
    with opened(registry) as repository, pytest.raises(RegistryError, match="at the same time"):
        repository.attach(artifact("a"), subject=DIGEST)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_passing_failure_is_tried_again(status: int) -> None:
    registry = FakeRegistry()
    with opened(registry) as repository:
        registry.fail("PUT", status, **{"Retry-After": "0"})
        assert repository.put_manifest("1", MANIFEST) == DIGEST


@pytest.mark.parametrize(
    ("status", "code", "said"),
    [
        (401, "UNAUTHORIZED", f"docker login {HOST}"),
        (403, "DENIED", "lacks the right"),
        (404, "NAME_UNKNOWN", "has to be created first"),
        (413, "SIZE_INVALID", "limits sizes"),
    ],
)
def test_a_refusal_says_what_happened_and_what_to_do(status: int, code: str, said: str) -> None:
    log: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        log.append(request)
        return error(status, code)

    with opened(handler) as repository, pytest.raises(RegistryError) as raised:
        repository.put_manifest("1", MANIFEST)
    for part in (str(status), code, said, f"{HOST}/v2/{NAME}/manifests/1"):
        assert part in str(raised.value)
    assert len(log) == 1


def test_no_message_holds_the_query_of_an_address() -> None:
    def handler(_: httpx.Request) -> httpx.Response:
        return error(403, "DENIED", "line\x1b[31m\nbreak" + "x" * 1000)

    with opened(handler) as repository, pytest.raises(RegistryError) as raised:
        repository.session.request("PUT", "/v2/a?_state=s3cret", scopes=())
    assert "s3cret" not in str(raised.value)
    assert "\x1b" not in str(raised.value)
    assert len(str(raised.value)) < 600


@pytest.mark.parametrize("is_insecure", [True, False])
def test_only_named_hosts_and_this_machine_may_go_without_tls(*, is_insecure: bool) -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.scheme == "https":
            raise httpx.ConnectError("no TLS", request=request) from ssl.SSLError(1)  # noqa: EM101
        return httpx.Response(200, json={"tags": ["1"]})

    insecure = frozenset({HOST}) if is_insecure else frozenset[str]()
    transport = httpx.MockTransport(handler)
    with session(HOST, insecure=insecure, transport=transport) as its:
        repository = Repository(session=its, name=NAME)
        if is_insecure:
            assert repository.tags() == ("1",)
        else:
            with pytest.raises(RegistryError, match="cannot be reached"):
                repository.tags()


def test_a_bad_certificate_is_no_reason_to_go_without_tls() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        assert request.url.scheme == "https"
        cause = ssl.SSLCertVerificationError("self-signed")
        raise httpx.ConnectError("bad", request=request) from cause  # noqa: EM101

    transport = httpx.MockTransport(handler)
    with session("127.0.0.1:5000", transport=transport) as its:
        repository = Repository(session=its, name=NAME)
        with pytest.raises(RegistryError, match="SSL_CERT_FILE"):
            repository.tags()


def test_docker_hub_answers_at_another_host_than_its_name() -> None:
    hosts: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        hosts.append(request.url.host)
        return httpx.Response(200, json={"tags": []})

    with opened(handler, host="docker.io") as repository:
        repository.tags()
    assert hosts == ["registry-1.docker.io"]
