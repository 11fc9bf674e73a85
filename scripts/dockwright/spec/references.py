"""What no single model can see: names that point nowhere, and things said twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dockwright.spec import rules
from dockwright.spec.parsing import near

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dockwright.spec.axes import Framework
    from dockwright.spec.model import Common, FrameworkFile, ReleaseSpec
    from dockwright.spec.yamlfile import Document, Keys, Problem


def check(
    document: Document, framework: Framework, file: FrameworkFile, common: Common
) -> Iterator[Problem]:
    """Yield the problems of a framework's file that need more than one value to be seen."""
    for kind, distribution in file.distributions.items():
        if distribution.index is not None and distribution.index not in common.indexes:
            message = f"no such index in common.yml{near(distribution.index, common.indexes)}"
            yield document.problem(("distributions", kind, "index"), message)
    seen: dict[tuple[str, str, str], int] = {}
    for i, spec in enumerate(file.releases):
        keys: Keys = ("releases", i)
        yield from of_release(document, keys, spec, framework, file, common)
        first = seen.setdefault((spec.version, spec.huggingface["transformers"], spec.base), i)
        if first != i:
            line = document.lines["releases", first]
            yield document.problem(keys, f"the same release stands on line {line}")


def of_release(
    document: Document,
    keys: Keys,
    spec: ReleaseSpec,
    framework: Framework,
    file: FrameworkFile,
    common: Common,
) -> Iterator[Problem]:
    """Yield the problems of one release."""
    yield from _release(document, keys, spec, file, common)
    yield from _rules(document, keys, spec, framework, common)


def _release(
    document: Document, keys: Keys, spec: ReleaseSpec, file: FrameworkFile, common: Common
) -> Iterator[Problem]:
    if spec.base not in common.bases:
        message = f"no such base in common.yml{near(spec.base, common.bases)}"
        yield document.problem((*keys, "base"), message)
    for job in sorted(spec.extras.keys() - set(spec.jobs)):
        yield document.problem((*keys, "extras", job.value), "the release has no such job")
    for job in sorted({job for job in spec.jobs if spec.jobs.count(job) > 1}):
        yield document.problem((*keys, "jobs"), f"{job} is written twice")
    for i, allowed in enumerate(spec.pip_check):
        for name in sorted(set(allowed.accelerators) - spec.accelerators.keys()):
            message = f"the release has no {name}"
            yield document.problem((*keys, "pip_check", i, "accelerators"), message)
    yield from _add_ons(document, keys, spec, file)
    for name, accelerator in spec.accelerators.items():
        at: Keys = (*keys, "accelerators", name)
        if set(accelerator.budget_mb) != set(spec.jobs):
            yield document.problem((*at, "budget_mb"), "needs one size for each of the jobs")
        if accelerator.unpacked_mb and set(accelerator.unpacked_mb) != set(spec.jobs):
            yield document.problem((*at, "unpacked_mb"), "needs one size for each of the jobs")
        if (name == "cpu") == (accelerator.driver is not None):
            yield document.problem(at, "driver belongs to every cuXYZ and not to cpu")
        if ("cpu" if name == "cpu" else "gpu") not in file.distributions:
            yield document.problem(at, "distributions has no entry for this kind of accelerator")


def _rules(
    document: Document, keys: Keys, spec: ReleaseSpec, framework: Framework, common: Common
) -> Iterator[Problem]:
    """Yield what breaks the rules that common.yml gives with their sources."""
    for at, pins in _pins(spec):
        for name, version in pins.items():
            if (message := rules.against(common, framework, name, version)) is not None:
                yield document.problem((*keys, *at, name), message)
    for name, accelerator in spec.accelerators.items():
        if (message := rules.too_old(common, name, accelerator.driver)) is not None:
            yield document.problem((*keys, "accelerators", name, "driver"), message)


def _pins(spec: ReleaseSpec) -> Iterator[tuple[Keys, dict[str, str]]]:
    yield ("companions",), spec.companions
    yield ("huggingface",), spec.huggingface
    for job, pins in spec.extras.items():
        yield ("extras", job.value), pins


def _add_ons(
    document: Document, keys: Keys, spec: ReleaseSpec, file: FrameworkFile
) -> Iterator[Problem]:
    names = [add_on.name for add_on in spec.add_ons]
    for i, add_on in enumerate(spec.add_ons):
        at: Keys = (*keys, "add_ons", i)
        if add_on.name in names[:i]:
            yield document.problem((*at, "name"), f"{add_on.name} is written twice")
        if set(add_on.jobs or ()) - set(spec.jobs):
            yield document.problem((*at, "jobs"), "the release has no such job")
        if set(add_on.accelerators or ()) - set(spec.accelerators):
            yield document.problem((*at, "accelerators"), "the release has no such accelerator")
        others = {name: other.name for other in spec.add_ons[:i] for name in other.environment}
        others |= dict.fromkeys(file.environment, "the framework")
        for name in sorted(add_on.environment.keys() & others.keys()):
            message = f"{others[name]} sets {name} already"
            yield document.problem((*at, "environment", name), message)
