"""What an image's documents must say, and what they must not tell."""

from __future__ import annotations

import pytest

from dockwright.clients.images import EngineImage
from dockwright.stages.smoke import outside, traces
from dockwright.stages.smoke.checks import CheckFailedError
from dockwright.stages.smoke.subject import Subject

LABELS = {"a": "1", "com.amazonaws.ml.engines.sagemaker.dlc.os.debian12": "true"}


def subject(
    *,
    manifest: dict[str, object] | None = None,
    config: dict[str, object] | None = None,
    suspicious: frozenset[str] = frozenset(),
    budget_bytes: int = 1000,
    unpacked_budget_bytes: int | None = None,
) -> Subject:
    document: dict[str, object] = {
        "mediaType": outside.MANIFEST,
        "config": {"mediaType": outside.CONFIG},
        "layers": [{"mediaType": outside.LAYER, "size": 400}] * 2,
    }
    inner: dict[str, object] = {
        "os": "linux",
        "architecture": "amd64",
        "rootfs": {"diff_ids": ["sha256:1", "sha256:2"]},
        "config": {"Labels": LABELS},
        "history": [{"created_by": "COPY / /"}],
    }
    return Subject(
        identifier="x",
        image=EngineImage(
            digest="sha256:0", manifest=document | (manifest or {}), config=inner | (config or {})
        ),
        unpacked_bytes=3000,
        facts={
            "labels": LABELS,
            "budget_bytes": budget_bytes,
            "unpacked_budget_bytes": unpacked_budget_bytes,
        },
        checks=(),
        archive=b"",
        suspicious=suspicious,
    )


def test_an_image_as_built_passes() -> None:
    assert outside.manifest(subject()) == "schema 2, 2 gzip layers"
    assert outside.labels(subject()) == "2 labels, 1 of SageMaker's"
    assert outside.size(subject()) == "800 B of 1 kB, unpacked 3 kB"
    assert (
        outside.host_traces(subject(suspicious=frozenset({"mirror.corp"}))) == "none of 1 strings"
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mediaType": "application/vnd.oci.image.manifest.v1+json"}, "SageMaker takes only"),
        ({"mediaType": "application/vnd.oci.image.index.v1+json"}, "SageMaker takes only"),
        ({"config": {"mediaType": "application/vnd.oci.image.config.v1+json"}}, "the config is"),
        ({"layers": [{"mediaType": outside.LAYER + "+zstd", "size": 1}] * 2}, "layers are"),
        ({"layers": [{"mediaType": outside.LAYER, "size": 1}] * 128}, "128 layers"),
        ({"layers": [{"mediaType": outside.LAYER, "size": 1}]}, "disagree"),
        ({"layers": []}, "0 layers"),
    ],
)
def test_a_manifest_that_sagemaker_rejects_is_refused(
    change: dict[str, object], message: str
) -> None:
    with pytest.raises(CheckFailedError, match=message):
        outside.manifest(subject(manifest=change))


def test_another_platform_is_refused() -> None:
    with pytest.raises(CheckFailedError, match="linux/arm64"):
        outside.manifest(subject(config={"architecture": "arm64"}))


@pytest.mark.parametrize(
    "labels", [None, {}, {"a": "2"}, {**LABELS, "b": "1"}, {"a": "1"}], ids=str
)
def test_labels_are_exactly_those_of_the_manifest(labels: dict[str, str] | None) -> None:
    with pytest.raises(CheckFailedError, match="wanted"):
        outside.labels(subject(config={"config": {"Labels": labels}}))


def test_sagemaker_takes_ten_labels_of_its_own() -> None:
    many = {f"com.amazonaws.ml.engines.sagemaker.dlc.x{i}": "true" for i in range(11)}
    with pytest.raises(CheckFailedError, match="11 labels"):
        outside.labels(
            Subject(
                identifier="x",
                image=subject(config={"config": {"Labels": many}}).image,
                unpacked_bytes=0,
                facts={"labels": many},
                checks=(),
                archive=b"",
                suspicious=frozenset(),
            )
        )


def test_an_image_over_its_budget_is_refused() -> None:
    assert outside.size(subject(budget_bytes=800))
    with pytest.raises(CheckFailedError, match="800 B of 799 B: over the budget; raise budget_mb"):
        outside.size(subject(budget_bytes=799))


def test_an_image_over_its_budget_of_unpacked_bytes_is_refused() -> None:
    fitting = subject(unpacked_budget_bytes=3000)
    assert outside.size(fitting) == "800 B of 1 kB, unpacked 3 kB of 3 kB"
    with pytest.raises(CheckFailedError, match="over the budget; raise unpacked_mb"):
        outside.size(subject(unpacked_budget_bytes=2999))


@pytest.mark.parametrize(
    "step",
    [
        "RUN pip install --index-url https://mirror.corp/simple torch",
        "ENV PIP_INDEX_URL=https://mirror.corp:8443/simple",
        "LABEL built-on=mirror.corp",
    ],
)
def test_a_trace_of_the_host_is_found_and_not_shown_whole(step: str) -> None:
    image = subject(
        config={"history": [{"created_by": step}]}, suspicious=frozenset({"mirror.corp"})
    )
    with pytest.raises(CheckFailedError, match="names this host") as failed:
        outside.host_traces(image)
    assert "mirror.corp" not in str(failed.value)


def test_parts_of_longer_names_are_no_traces() -> None:
    text = "org.mirror.corporation and /srv/build-2 and xmirror.corp"
    assert traces.found_in(text, ["mirror.corp", "/srv/build"], legitimate="") == []
    assert traces.found_in("at /srv/build/x", ["/srv/build"], legitimate="") == ["/srv/build"]
    assert traces.found_in("on debian12", ["debian12"], legitimate="base debian12") == []


def test_the_environment_tells_of_secrets_proxies_and_certificates() -> None:
    environ = {
        "HF_TOKEN": "hf_secret",
        "MY_API_KEY": "k-secret",
        "https_proxy": "http://user:pw@proxy.corp:3128",
        "NO_PROXY": "",
        "SSL_CERT_FILE": "/etc/corp.pem",
        "LANG": "C.UTF-8",
    }
    assert set(traces.of_environment(environ)) == {
        "hf_secret",
        "k-secret",
        "proxy.corp",
        "/etc/corp.pem",
    }
