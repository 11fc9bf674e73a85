"""Every name that is derived from a variant's facts, each built here and parsed nowhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from dockwright.spec.axes import Accelerator, Framework, Job
    from dockwright.spec.variants import Variant

DLC_LABEL = "com.amazonaws.ml.engines.sagemaker.dlc"
CAPABILITY_LABEL = "com.amazonaws.sagemaker.capabilities"


def python_tag(python: str) -> str:
    """Return a Python version as tags have it.

    >>> python_tag("3.11")
    'py311'
    """
    return "py" + python.replace(".", "")


def release_name(
    *, version: str, transformers: str, python: str, base: str, flavor: str | None = None
) -> str:
    """Return what a release is called.

    >>> release_name(version="2.13.0", transformers="5.23.0", python="3.11", base="debian12")
    '2.13.0-transformers5.23.0-py311-debian12'
    """
    return f"{version}-transformers{transformers}-{python_tag(python)}-{base}{_suffix(flavor)}"


def identifier(framework: Framework, release: str, job: Job, accelerator: Accelerator) -> str:
    """Return the key of a variant: what globs match, records are filed under, log lines begin with."""
    return f"{framework}-{release}-{job}-{accelerator}"


def bake_target(name: str) -> str:
    """Return an identifier in the letters that a bake target may have."""
    return name.replace(".", "_")


def repository(framework: Framework, job: Job) -> str:
    """Return the repository that a variant's images go to."""
    return f"huggingface-{framework}-{job}"


def tag(
    *,
    version: str,
    transformers: str,
    accelerator: Accelerator,
    python: str,
    base: str,
    flavor: str | None = None,
) -> str:
    """Return a variant's full tag, in the order users of the incumbent's images know.

    >>> from dockwright.spec.axes import Accelerator
    >>> facts = {"version": "2.15.0", "transformers": "5.23.0", "python": "3.11"}
    >>> tag(**facts, accelerator=Accelerator("cu132"), base="debian12")
    '2.15.0-transformers5.23.0-gpu-py311-cu132-debian12'
    >>> tag(**facts, accelerator=Accelerator("cpu"), base="debian12", flavor="vision")
    '2.15.0-transformers5.23.0-cpu-py311-debian12-vision'
    """
    cuda = "" if accelerator.kind == "cpu" else f"-{accelerator}"
    start = f"{version}-transformers{transformers}"
    return f"{start}-{accelerator.kind}-{python_tag(python)}{cuda}-{base}{_suffix(flavor)}"


def immutable_tag(full_tag: str, *, image: str, pushed_at: datetime) -> str:
    """Return the tag that one build of a variant keeps for ever.

    >>> from datetime import UTC, datetime
    >>> immutable_tag("2.15.0-cpu", image="1.0", pushed_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    '2.15.0-cpu-v1.0-2026-01-02-03-04-05'
    """
    return f"{full_tag}-v{image}-{pushed_at:%Y-%m-%d-%H-%M-%S}"


def line(version: str) -> str:
    """Return the line of releases that a version is of, as aliases have it.

    >>> line("2.13.0.post1"), line("5.23")
    ('2.13', '5.23')
    """
    return ".".join(version.split(".")[:2])


def minor_tag(
    *,
    version: str,
    transformers: str,
    accelerator: Accelerator,
    python: str,
    base: str,
    flavor: str | None = None,
) -> str:
    """Return the tag of the newest patch releases of a framework's and of Transformers' line.

    >>> from dockwright.spec.axes import Accelerator
    >>> facts = {"version": "2.15.0", "transformers": "5.23.0", "python": "3.11"}
    >>> minor_tag(**facts, accelerator=Accelerator("cpu"), base="debian12")
    '2.15-transformers5.23-cpu-py311-debian12'
    """
    return tag(
        version=line(version),
        transformers=line(transformers),
        accelerator=accelerator,
        python=python,
        base=base,
        flavor=flavor,
    )


def framework_tag(
    *, version: str, accelerator: Accelerator, python: str, flavor: str | None = None
) -> str:
    """Return the tag of the newest of all else that there is with a version of the framework.

    >>> from dockwright.spec.axes import Accelerator
    >>> framework_tag(version="2.15.0", accelerator=Accelerator("cu132"), python="3.11")
    '2.15.0-gpu-py311'
    """
    return f"{version}-{accelerator.kind}-{python_tag(python)}{_suffix(flavor)}"


def title(variant: Variant) -> str:
    """Return one line that says what an image is."""
    release = variant.release
    flavor = f", {release.flavor}" if release.flavor else ""
    return (
        f"{release.file.title} {release.spec.version} with Transformers {release.transformers}"
        f"{flavor}: {variant.job} on {variant.accelerator}"
    )


def labels(variant: Variant) -> dict[str, str]:
    """Return an image's labels, sorted: OCI's annotations and SageMaker's (ten at the most)."""
    release = variant.release
    python = python_tag(release.base.python)
    version = release.spec.version.replace(".", "-")
    transformers = release.transformers.replace(".", "-")
    facts = {
        "org.opencontainers.image.base.name": release.base.name,
        "org.opencontainers.image.title": title(variant),
        "org.opencontainers.image.vendor": release.common.vendor,
        "org.opencontainers.image.version": release.name,
        "dockwright.identifier": variant.identifier,
        "dockwright.end-of-patch": release.spec.end_of_patch.isoformat(),
    }
    sagemaker = (
        f"device.{variant.accelerator.kind}",
        f"framework.{release.framework}.{version}",
        "framework.huggingface",
        f"job.{variant.job}",
        f"os.{release.base.name}",
        f"python.{python}",
        f"transformers.{transformers}",
    )
    facts |= {f"{DLC_LABEL}.{name}": "true" for name in sagemaker}
    if variant.runtime is not None:
        facts |= {f"{CAPABILITY_LABEL}.{name}": "true" for name in variant.job.capabilities}
    return dict(sorted(facts.items()))


def _suffix(flavor: str | None) -> str:
    """Return what sets a team's images apart from ours; no base's name has a hyphen."""
    return f"-{flavor}" if flavor else ""
