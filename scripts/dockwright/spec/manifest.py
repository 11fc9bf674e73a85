"""buildspec/*.yml in; the variants they describe, or every problem they have, out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from dockwright.errors import ManifestError
from dockwright.spec import references, runtime
from dockwright.spec.axes import Framework
from dockwright.spec.base import BaseSpec, OsLayer
from dockwright.spec.model import BaseImage, Common, FrameworkFile
from dockwright.spec.parsing import parse
from dockwright.spec.variants import Variant, all_variants

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from dockwright.spec.axes import Job
    from dockwright.spec.runtime import Runtime
    from dockwright.spec.yamlfile import Document, Problem


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Manifest:
    """Everything that buildspec/*.yml says, and an overlay where there is one."""

    common: Common
    bases: Mapping[str, BaseSpec]
    files: Mapping[Framework, FrameworkFile]
    runtimes: Mapping[Job, Runtime]
    variants: tuple[Variant, ...]


def load(buildspec_path: Path, overlay_path: Path | None = None) -> Manifest:
    """Read and check the manifest; ManifestError lists every problem as `file:line: path: …`.

    With an overlay its variants come after ours, but for those that it excludes.
    """
    ours = _ours(buildspec_path)
    if overlay_path is None:
        return ours
    from dockwright.spec import overlay  # noqa: PLC0415 - most commands have none

    return replace(ours, variants=overlay.laid_on(ours, overlay_path))


def _ours(buildspec_path: Path) -> Manifest:
    document, common = parse(buildspec_path / "common.yml", Common)
    runtimes = _runtimes(buildspec_path.parent / "images", document, common)
    problems = _by_line(document.problems)
    bases = {name: _base(name, base) for name, base in common.bases.items()} if common else {}
    files: dict[Framework, FrameworkFile] = {}
    variants: list[Variant] = []
    for framework in common.frameworks if common else _named_frameworks(document):
        document, file = parse(buildspec_path / f"{framework}.yml", FrameworkFile)
        wrong = list(document.problems)
        if file is not None and common is not None:
            wrong += references.check(document, framework, file, common)
            if not wrong:
                files[framework] = file
                every = tuple(all_variants(framework, file, common, bases, runtimes))
                wrong += _idle_excludes(document, file, every)
                variants += _without_excluded(file, every)
        problems += _by_line(wrong)
    if common is None or problems:
        raise ManifestError("\n".join(str(problem) for problem in problems))
    return Manifest(
        common=common, bases=bases, files=files, runtimes=runtimes, variants=tuple(variants)
    )


def _by_line(problems: Iterable[Problem]) -> list[Problem]:
    return sorted(problems, key=lambda problem: problem.line)


def _named_frameworks(document: Document) -> tuple[Framework, ...]:
    """Return the frameworks that a faulty common.yml still names, so their files are checked."""
    named = document.data.get("frameworks") if isinstance(document.data, dict) else None
    return tuple(f for f in Framework if isinstance(named, list) and f.value in named)


def _runtimes(images_path: Path, document: Document, common: Common | None) -> dict[Job, Runtime]:
    """Return the runtimes that common.yml names; problems are the document's from then on."""
    found = {}
    for job, name in (common.runtimes if common else {}).items():
        try:
            found[job] = runtime.load(images_path, name)
        except ManifestError as e:
            document.problems.append(document.problem(("runtimes", job.value), str(e)))
    return found


def _base(name: str, base: BaseImage) -> BaseSpec:
    return BaseSpec(
        name=name,
        suite=base.suite,
        architecture=base.architecture,
        python=base.python,
        packages=base.packages,
        epoch=base.epoch,
        end_of_support=base.end_of_support,
        os_layers=tuple(
            OsLayer(name=name, packages=packages)
            for name, packages in sorted(base.job_packages.items())
        ),
    )


def _without_excluded(file: FrameworkFile, every: tuple[Variant, ...]) -> Iterator[Variant]:
    for variant in every:
        if not any(fnmatchcase(variant.identifier, exclude.match) for exclude in file.exclude):
            yield variant


def _idle_excludes(
    document: Document, file: FrameworkFile, every: tuple[Variant, ...]
) -> Iterator[Problem]:
    for i, exclude in enumerate(file.exclude):
        if not any(fnmatchcase(variant.identifier, exclude.match) for variant in every):
            message = f"{exclude.match!r} matches no variant; remove it or mend the pattern"
            yield document.problem(("exclude", i, "match"), message)
