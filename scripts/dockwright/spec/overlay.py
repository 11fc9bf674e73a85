"""An overlay's folder and our manifest in; our variants and those that it adds, or its problems, out."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from dockwright.errors import ManifestError
from dockwright.spec import naming, references, rules
from dockwright.spec.overlay_model import OverlayFile
from dockwright.spec.parsing import near, parse
from dockwright.spec.variants import Overlay, Release, variant

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from dockwright.spec.axes import Framework, Job
    from dockwright.spec.manifest import Manifest
    from dockwright.spec.model import ReleaseSpec
    from dockwright.spec.overlay_model import Extension
    from dockwright.spec.variants import Variant
    from dockwright.spec.yamlfile import Document, Keys, Problem

MAX_TAG = 128
"""Letters, as registries take them."""
SOME_TIME = datetime.max.replace(tzinfo=UTC)
"""In tags every time is as long as another."""


def laid_on(ours: Manifest, folder: Path) -> tuple[Variant, ...]:
    """Return all variants, ours first; ManifestError lists every problem as `file:line: path: …`."""
    problems: list[Problem] = []
    found: list[Variant] = []
    for framework in ours.files:
        of_framework = [v for v in ours.variants if v.release.framework is framework]
        if (folder / f"{framework}.yml").is_file():
            document, file = parse(folder / f"{framework}.yml", OverlayFile)
            wrong = list(document.problems)
            if file is not None:
                added = tuple(_added(document, framework, file, ours, folder, wrong))
                of_framework = list(_kept(document, file, [*of_framework, *added], wrong))
            problems += sorted(wrong, key=lambda problem: problem.line)
        found += of_framework
    told = [*_strangers(folder, ours), *map(str, problems)]
    if told:
        raise ManifestError("\n".join(told))
    return (*(v for v in found if not v.release.overlay), *(v for v in found if v.release.overlay))


def _strangers(folder: Path, ours: Manifest) -> Iterator[str]:
    """Yield what is wrong with the folder's names: a file that nobody reads adds nothing in silence."""
    expected = [f"{framework}.yml" for framework in ours.files]
    if not any((folder / name).is_file() for name in expected):
        yield f"{folder}: an overlay has {' or '.join(expected)}, and there is neither"
    for path in sorted(folder.glob("*.y*ml")):
        if path.name not in expected and (hint := near(path.name, expected)):
            yield f"{folder.name}/{path.name}: no overlay has such a file{hint}"


def _added(
    document: Document,
    framework: Framework,
    file: OverlayFile,
    ours: Manifest,
    folder: Path,
    problems: list[Problem],
) -> Iterator[Variant]:
    """Yield the variants that the file adds, excluded ones included."""
    seen: dict[str, Keys] = {}
    for i, extension in enumerate(file.extend):
        keys: Keys = ("extend", i)
        extended = _matching(ours, framework, extension.releases)
        if not extended:
            problems.append(_nothing(document, keys, ours, framework, extension.releases))
        for variants in extended.values():
            release = _extended(variants[0].release, extension, folder)
            wrong = [
                *_of_extension(document, keys, variants[0].release, extension),
                *_of_name(document, keys, release, seen),
            ]
            problems += wrong
            yield from (variant(release, v.job, v.accelerator) for v in variants)
    for i, spec in enumerate(file.releases):
        keys = ("releases", i)
        wrong = list(
            references.of_release(
                document, keys, spec, framework, ours.files[framework], ours.common
            )
        )
        problems += wrong
        if not wrong:
            release = _own(framework, spec, spec.flavor, ours, folder)
            problems += _of_name(document, keys, release, seen)
            for job in spec.jobs:
                yield from (variant(release, job, on) for on in release.accelerators)


def _matching(ours: Manifest, framework: Framework, glob: str) -> dict[str, list[Variant]]:
    """Return the variants of each of our releases whose name matches."""
    found: dict[str, list[Variant]] = {}
    for v in ours.variants:
        if v.release.framework is framework and fnmatchcase(v.release.name, glob):
            found.setdefault(v.release.name, []).append(v)
    return found


def _extended(ours: Release, extension: Extension, folder: Path) -> Release:
    """Return our release with what is added to it."""
    spec = ours.spec
    extras = {
        job: {**spec.extras.get(job, {}), **extension.extras.get(job, {})} for job in spec.jobs
    }
    accelerators = {
        name: accelerator.model_copy(
            update={
                "budget_mb": _more(accelerator.budget_mb, extension.more_mb),
                "unpacked_mb": _more(accelerator.unpacked_mb, extension.more_unpacked_mb),
            }
        )
        for name, accelerator in spec.accelerators.items()
    }
    return replace(
        ours,
        spec=spec.model_copy(update={"extras": extras, "accelerators": accelerators}),
        overlay=Overlay(
            path=folder,
            flavor=extension.flavor,
            extends=ours,
            environment=extension.environment,
        ),
    )


def _more(sizes: Mapping[Job, int], more: Mapping[Job, int]) -> dict[Job, int]:
    return {job: size + more.get(job, 0) for job, size in sizes.items()}


def _own(
    framework: Framework, spec: ReleaseSpec, flavor: str, ours: Manifest, folder: Path
) -> Release:
    return Release(
        framework=framework,
        spec=spec,
        file=ours.files[framework],
        common=ours.common,
        base=ours.bases[spec.base],
        runtimes=ours.runtimes,
        overlay=Overlay(path=folder, flavor=flavor),
    )


def _nothing(
    document: Document, keys: Keys, ours: Manifest, framework: Framework, glob: str
) -> Problem:
    names = {v.release.name for v in ours.variants if v.release.framework is framework}
    hint = near(glob, sorted(names)) or f"; there is: {', '.join(sorted(names))}"
    return document.problem((*keys, "releases"), f"{glob!r} matches no release of ours{hint}")


def _of_extension(
    document: Document, keys: Keys, ours: Release, extension: Extension
) -> Iterator[Problem]:
    """Yield what keeps an extension off one of our releases."""
    spec = ours.spec
    for job, extras in extension.extras.items():
        at: Keys = (*keys, "extras", job.value)
        if job not in spec.jobs:
            yield document.problem(at, f"{ours.name} has no such job")
        pinned = {**spec.companions, **spec.huggingface, **spec.extras.get(job, {})}
        for name, version in extras.items():
            if name in pinned:
                message = f"{ours.name} pins {name} {pinned[name]} already; an overlay only adds"
                yield document.problem((*at, name), message)
            elif against := rules.against(ours.common, ours.framework, name, version):
                yield document.problem((*at, name), against)
    taken = dict.fromkeys(ours.file.environment, "the framework")
    for distribution in ours.file.distributions.values():
        taken |= dict.fromkeys(distribution.environment, "the framework")
    taken |= {name: add_on.name for add_on in spec.add_ons for name in add_on.environment}
    for name in sorted(extension.environment.keys() & taken.keys()):
        message = f"{taken[name]} sets {name} already"
        yield document.problem((*keys, "environment", name), message)


def _of_name(
    document: Document, keys: Keys, release: Release, seen: dict[str, Keys]
) -> Iterator[Problem]:
    """Yield what is wrong with a release's name: that another has it, or that no tag can hold it."""
    first = seen.setdefault(release.name, keys)
    if first != keys:
        line = document.lines[first]
        yield document.problem(keys, f"{release.name} stands on line {line} already")
    longest = max(release.accelerators, key=lambda accelerator: len(accelerator.name))
    of_longest = variant(release, release.spec.jobs[0], longest)
    tag = naming.immutable_tag(of_longest.tag, image=release.spec.image, pushed_at=SOME_TIME)
    if len(tag) > MAX_TAG:
        message = f"{tag} is longer than the {MAX_TAG} letters that a tag may have"
        yield document.problem((*keys, "flavor"), message)


def _kept(
    document: Document, file: OverlayFile, every: Sequence[Variant], problems: list[Problem]
) -> Iterator[Variant]:
    """Yield what the overlay does not exclude, of ours and of its own."""
    for i, exclude in enumerate(file.exclude):
        if not any(fnmatchcase(v.identifier, exclude.match) for v in every):
            message = f"{exclude.match!r} matches no variant; remove it or mend the pattern"
            problems.append(document.problem(("exclude", i, "match"), message))
    for v in every:
        if not any(fnmatchcase(v.identifier, exclude.match) for exclude in file.exclude):
            yield v
