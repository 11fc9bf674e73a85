"""An image's manifest and config in; what registries, SageMaker and the curious see in it, checked, out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from dockwright import console
from dockwright.spec.naming import DLC_LABEL
from dockwright.stages.smoke import traces
from dockwright.stages.smoke.checks import CheckFailedError

if TYPE_CHECKING:
    from dockwright.stages.smoke.subject import Subject

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
CONFIG = "application/vnd.docker.container.image.v1+json"
LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
MAX_LAYERS = 127
MAX_SAGEMAKER_LABELS = 10


def manifest(subject: Subject) -> str:
    """Check that SageMaker takes the image: schema 2, gzip, one platform, few enough layers."""
    document, config = subject.image.manifest, subject.image.config
    layers = document.get("layers", [])
    if document.get("mediaType") != MANIFEST:
        _fail(f"the manifest is a {document.get('mediaType')}, SageMaker takes only {MANIFEST}")
    if document["config"]["mediaType"] != CONFIG:
        _fail(f"the config is a {document['config']['mediaType']}, not a {CONFIG}")
    if strange := {layer["mediaType"] for layer in layers} - {LAYER}:
        _fail(f"layers are {', '.join(sorted(strange))}, not {LAYER}")
    if not 0 < len(layers) <= MAX_LAYERS:
        _fail(f"{len(layers)} layers; the limit is {MAX_LAYERS}")
    platform = (config["os"], config["architecture"])
    if platform != ("linux", "amd64"):
        _fail(f"the platform is {'/'.join(platform)}, not linux/amd64")
    if len(config["rootfs"]["diff_ids"]) != len(layers):
        _fail("manifest and config disagree on the number of layers")
    return f"schema 2, {len(layers)} gzip layers"


def labels(subject: Subject) -> str:
    """Check that the labels are exactly those that the manifest says."""
    seen = subject.image.config["config"].get("Labels") or {}
    wanted = subject.facts["labels"]
    wrong = sorted(n for n in seen.keys() | wanted.keys() if seen.get(n) != wanted.get(n))
    if wrong:
        lines = (f"{n}: wanted {wanted.get(n)!r}, found {seen.get(n)!r}" for n in wrong)
        _fail("\n".join(lines))
    sagemaker = [name for name in seen if name.startswith(DLC_LABEL)]
    if len(sagemaker) > MAX_SAGEMAKER_LABELS:
        _fail(f"{len(sagemaker)} labels of SageMaker's; it takes {MAX_SAGEMAKER_LABELS}")
    return f"{len(seen)} labels, {len(sagemaker)} of SageMaker's"


def size(subject: Subject) -> str:
    """Check that the layers are within the release's budgets, compressed and unpacked."""
    facts, weight = subject.facts, sum(layer["size"] for layer in subject.image.manifest["layers"])
    packed = _within(weight, facts["budget_bytes"], "budget_mb")
    unpacked = _within(subject.unpacked_bytes, facts["unpacked_budget_bytes"], "unpacked_mb")
    return f"{packed}, unpacked {unpacked}"


def host_traces(subject: Subject) -> str:
    """Check that config and history tell nothing of the machine that built the image."""
    text = json.dumps([subject.image.manifest, subject.image.config])
    found = traces.found_in(text, subject.suspicious, legitimate=json.dumps(subject.facts))
    if found:
        _fail(f"the image's config or history names this host's {', '.join(map(_masked, found))}")
    return f"none of {len(subject.suspicious)} strings"


def _within(weight_bytes: int, budget_bytes: int | None, key: str) -> str:
    """Return a weight beside its budget, where there is one; fail when it is over."""
    text = console.human_bytes(weight_bytes)
    if budget_bytes is None:
        return text
    text += f" of {console.human_bytes(budget_bytes)}"
    if weight_bytes > budget_bytes:
        _fail(f"{text}: over the budget; raise {key} in the manifest or find what has grown")
    return text


def _masked(text: str) -> str:
    """Show enough to find the place, and never a secret whole."""
    return text if text.startswith("/") else f"{text[:3]}… ({len(text)} characters)"


def _fail(message: str) -> None:
    raise CheckFailedError(message)
