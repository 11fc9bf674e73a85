"""Broken images do not get through: each kind of defect is caught by the check that is for it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from dockwright import process
from dockwright.clients import docker, images
from dockwright.spec import manifest, selector
from dockwright.stages.smoke import behaviour, checks, outside, run, session, subject
from dockwright.stages.smoke.checks import CheckFailedError
from dockwright.stages.smoke.launcher import Launcher
from dockwright.stages.smoke.subject import Subject

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from docker import DockerClient

    from dockwright.clients.engine import Engine
    from dockwright.spec.records import BuildRecord
    from dockwright.spec.variants import Variant
    from dockwright.workspace import Workspace

SITE = "/opt/venv/lib/python3.11/site-packages"
OUTPUT = "type=image,oci-mediatypes=false,force-compression=false"
# The checks that look at an image; the others train models, which no defect here touches.
LOOKING = ("common/", "cpu/", "inference/check_lean", "pytorch/check_one", "tensorflow/check_one")
SLOW = "common/check_imports"
DEFECTS: dict[str, tuple[str, list[str]]] = {
    "cache": ("RUN mkdir -p /root/.cache/pip && touch /root/.cache/pip/x", ["common/check_clean"]),
    "history": ("RUN echo ls > /root/.bash_history", ["common/check_clean"]),
    "apt-source": (
        "RUN mkdir -p /etc/apt/sources.list.d && touch /etc/apt/sources.list.d/x.list",
        ["common/check_clean"],
    ),
    "build-tool": (
        "RUN printf '#!/bin/sh\\n' > /usr/local/bin/uv && chmod +x /usr/local/bin/uv",
        ["inference/check_lean"],
    ),
    "netrc": ("RUN touch /root/.netrc", ["common/check_secrets"]),
    "token": (
        f"RUN mkdir /srv/x && echo token=hf_{'a' * 34} > /srv/x/settings",
        ["common/check_secrets"],
    ),
    "repository": ("RUN mkdir -p /opt/code/.git", ["common/check_secrets"]),
    "extra-distribution": (
        (
            f"RUN mkdir {SITE}/stray-1.0.dist-info"
            f" && printf 'Metadata-Version: 2.1\\nName: stray\\nVersion: 1.0\\n'"
            f" > {SITE}/stray-1.0.dist-info/METADATA"
        ),
        ["common/check_installed"],
    ),
    "twice": (
        f"RUN cp -r {SITE}/sentencepiece-*.dist-info {SITE}/sentencepiece-0.0.1.dist-info",
        ["common/check_installed"],
    ),
    "wrong-version": (
        f"RUN sed -i 's/^Version: .*/Version: 0.9.9/' {SITE}/sentencepiece-*.dist-info/METADATA",
        ["common/check_installed", "common/check_versions"],
    ),
    "another-pytorch": (
        f"RUN sed -i \"s/^__version__ = .*/__version__ = '2.12.1+cpu'/\" {SITE}/torch/version.py",
        ["common/check_bytecode", "pytorch/check_one_pytorch"],
    ),
    "tensorflow-beside": (
        f"RUN mkdir {SITE}/tensorflow && touch {SITE}/tensorflow/__init__.py",
        ["pytorch/check_one_pytorch"],
    ),
    "conflict": (
        (
            f"RUN sed -i 's/^Version: .*/&\\nRequires-Dist: absent-library/'"
            f" {SITE}/safetensors-*.dist-info/METADATA"
        ),
        ["common/check_pip"],
    ),
    "lost-library": (
        f"RUN mv {SITE}/torch/lib/libc10.so {SITE}/torch/lib/libc11.so",
        ["common/check_libraries", "cpu/check_no_gpu_code", "pytorch/check_one_pytorch"],
    ),
    "gpu-library": (
        f"RUN touch {SITE}/torch/lib/libcudart.so.13",
        ["cpu/check_no_gpu_code"],
    ),
    "bytecode": (
        f"RUN python3 -m compileall -q {SITE}/safetensors",
        ["common/check_bytecode"],
    ),
    "set-user-id": ("RUN chmod u+s /usr/bin/env", ["common/check_permissions"]),
    "world-writable": ("RUN chmod 0777 /srv", ["common/check_permissions"]),
    "future": ("RUN touch -d 2099-01-01 /srv/x", ["common/check_times"]),
    "no-licence": (
        f"RUN rm -r {SITE}/safetensors-*.dist-info/licenses",
        ["common/check_licences"],
    ),
    "no-copyright": ("RUN rm /usr/share/doc/tini/copyright", ["common/check_licences"]),
    "environment": ("ENV PIP_NO_CACHE_DIR=1", ["common/check_environment"]),
    "label": ("LABEL dockwright.end-of-patch=2099-01-01", ["outside/labels"]),
    "oversized": ("RUN head -c {excess} /dev/urandom > /srv/x", ["outside/size"]),
    "host-path": (
        "ENV BUILT_AT={root}/images",
        ["common/check_environment", "outside/host_traces"],
    ),
}


@pytest.fixture(scope="module")
def client(engine: Engine) -> Iterator[DockerClient]:
    with docker.connect(engine) as connected:
        yield connected


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Whole:
    """An image as built."""

    reference: str
    subject: Subject

    @property
    def excess_bytes(self) -> int:
        """By how much the image must grow to be over its budget."""
        weight = sum(layer["size"] for layer in self.subject.image.manifest["layers"])
        return int(self.subject.facts["budget_bytes"] - weight + 1)


Break = Callable[[Whole, str], Subject]


@pytest.fixture(scope="module")
def whole(
    checkout: Workspace, variant: Variant, inference: BuildRecord, client: DockerClient
) -> Whole:
    suspicious = frozenset({str(checkout.root)})
    (built,) = subject.prepare(checkout, [variant], client, suspicious)
    return Whole(reference=inference.reference, subject=built)


@pytest.fixture
def broken(engine: Engine, client: DockerClient, tmp_path: Path) -> Iterator[Break]:
    """Build an image on top of a whole one, by further lines of a Dockerfile."""
    reference = "dockwright-smoke-broken:test"

    def build(base: Whole, lines: str) -> Subject:
        (tmp_path / "Dockerfile").write_text(f"FROM {base.reference}\n{lines}\n")
        argv = (*engine.buildx, "build", "--provenance=false", "--network=none")
        output = f"{OUTPUT},name={reference}"
        process.run((*argv, "--output", output, tmp_path), env=engine.env, timeout_s=300)
        return dataclasses.replace(base.subject, image=images.read(client, reference))

    yield build
    if images.digest_of(client, reference) is not None:
        client.api.remove_image(reference, force=True)


def failures(client: DockerClient, image: Subject) -> dict[str, str]:
    """Return the name and message of every looking check that fails."""
    failed = {}
    for document in run.DOCUMENTS:
        try:
            document(image)
        except CheckFailedError as e:
            failed[f"outside/{document.__name__}"] = str(e)
    looking = [c for c in image.checks if c.name.startswith(LOOKING) and c.name != SLOW]
    with session.opened(Launcher(client=client), image) as opened:
        for check in sorted(looking, key=lambda c: not c.is_pristine):
            try:
                opened.run(check)
            except CheckFailedError as e:
                failed[check.name] = str(e)
    return failed


def test_the_whole_image_passes_what_broken_ones_fail(client: DockerClient, whole: Whole) -> None:
    assert failures(client, whole.subject) == {}


@pytest.mark.full
@pytest.mark.parametrize("defect", DEFECTS)
def test_a_defect_is_caught_by_its_check_and_by_no_other(
    defect: str, client: DockerClient, whole: Whole, broken: Break, checkout: Workspace
) -> None:
    lines, expected = DEFECTS[defect]
    lines = lines.replace("{root}", str(checkout.root))
    lines = lines.replace("{excess}", str(whole.excess_bytes))
    failed = failures(client, broken(whole, lines))
    assert sorted(failed) == sorted(expected), failed


def test_many_defects_at_once_are_each_told_by_name(
    client: DockerClient, whole: Whole, broken: Break
) -> None:
    names = ("history", "netrc", "wrong-version", "lost-library", "set-user-id", "future", "label")
    failed = failures(client, broken(whole, "\n".join(DEFECTS[name][0] for name in names)))
    told = {
        "common/check_clean": "/root/.bash_history",
        "common/check_secrets": "/root/.netrc",
        "common/check_versions": "found 0.9.9",
        "common/check_libraries": "libc10.so",
        "common/check_permissions": "/usr/bin/env",
        "common/check_times": "/srv/x",
        "outside/labels": "dockwright.end-of-patch: wanted",
    }
    for name, words in told.items():
        assert words in failed[name]
    # The version and the library show there too.
    also = {"common/check_installed", "cpu/check_no_gpu_code", "pytorch/check_one_pytorch"}
    assert failed.keys() == told.keys() | also


@pytest.mark.full
def test_another_python_first_on_the_path_is_caught(
    client: DockerClient, whole: Whole, broken: Break
) -> None:
    lines = "RUN ln -s /usr/bin/python3 /usr/local/bin/\nENV PATH=/usr/local/bin:/usr/bin:/bin"
    failed = failures(client, broken(whole, lines))
    assert "/usr/local/bin/python3" in failed["common/check_python"]


def test_what_is_left_out_is_caught_where_it_stayed_and_where_it_is_missed(
    checkout: Workspace, variant: Variant, client: DockerClient, whole: Whole, broken: Break
) -> None:
    (check,) = (c for c in whole.subject.checks if c.name == "common/check_left_out")

    def judged(image: Subject, *left_out: str) -> str:
        facts = {**image.facts, "left_out": left_out}
        archive = checks.pack(checkout.smoke_path, variant.traits, facts)
        changed = dataclasses.replace(image, facts=facts, archive=archive)
        with session.opened(Launcher(client=client), changed) as opened:
            return opened.run(check)

    told = judged(whole.subject, "torch/lib/libnothing_at_all.so.*")
    assert told == "1 patterns of files, 1 of them looked for in every file"
    with pytest.raises(CheckFailedError, match=r"left out and yet there: torch/lib/libshm\.so"):
        judged(whole.subject, "torch/lib/libshm.so")
    lost = broken(whole, f"RUN rm {SITE}/torch/lib/libshm.so")
    with pytest.raises(CheckFailedError, match=r"named in .*'torch/lib/libtorch_python\.so'"):
        judged(lost, "torch/lib/libshm.so")
    armed = broken(whole, "RUN printf '#!/bin/sh\\n' > /usr/bin/c++ && chmod +x /usr/bin/c++")
    with pytest.raises(CheckFailedError, match=r"headers are left out, and there is c\+\+"):
        judged(armed, "torch/include/nothing/*.h")


def test_a_budget_that_is_too_small_is_told(whole: Whole) -> None:
    facts = {**whole.subject.facts, "budget_bytes": 1_000_000}
    with pytest.raises(CheckFailedError, match="MB of 1 MB: over the budget"):
        outside.size(dataclasses.replace(whole.subject, facts=facts))


def test_an_image_without_an_init_is_caught(
    client: DockerClient, whole: Whole, broken: Break
) -> None:
    bare = broken(whole, "ENTRYPOINT []")
    launcher = Launcher(client=client)
    with pytest.raises(CheckFailedError, match=r"SIGTERM did not end|stopping took"):
        behaviour.sigterm_unhandled(launcher, bare)
    with pytest.raises(CheckFailedError, match="a zombie stays"):
        behaviour.zombies(launcher, bare)
    assert behaviour.exit_code(launcher, bare) == "42 stays 42"


@pytest.mark.full
def test_an_entrypoint_that_swallows_signals_and_codes_is_caught(
    client: DockerClient, whole: Whole, broken: Break
) -> None:
    shell = broken(whole, """ENTRYPOINT ["/bin/sh", "-c", "trap : TERM; \\"$@\\"; exit 0", "--"]""")
    launcher = Launcher(client=client)
    with pytest.raises(CheckFailedError, match=r"SIGTERM did not reach|stopping took"):
        behaviour.sigterm_handled(launcher, shell)
    with pytest.raises(CheckFailedError, match="exited with 42: exit code 0"):
        behaviour.exit_code(launcher, shell)


@pytest.mark.full
def test_a_library_that_needs_a_known_user_or_a_writable_image_is_caught(
    client: DockerClient, whole: Whole, broken: Break
) -> None:
    spoiled = broken(whole, f"RUN chmod -R go-rwx {SITE}/transformers")
    launcher = Launcher(client=client)
    with pytest.raises(CheckFailedError, match="the command failed"):
        behaviour.arbitrary_user(launcher, spoiled)
    writes = "open('/opt/venv/started', 'w')"
    spoiled = broken(whole, f'RUN echo "{writes}" >> {SITE}/transformers/__init__.py')
    with pytest.raises(CheckFailedError, match="the command failed"):
        behaviour.read_only(launcher, spoiled)


@pytest.mark.full
def test_a_second_tensorflow_is_caught(
    checkout: Workspace,
    client: DockerClient,
    program: tuple[str, ...],
    broken: Break,
) -> None:
    argv = (*program, "build", "tensorflow-*-inference-cpu", "--json")
    (built,) = json.loads(process.run(argv, cwd=checkout.root, timeout_s=1200))
    variants = manifest.load(checkout.buildspec_path).variants
    chosen = selector.pick(variants, [built["identifier"]])
    (tensorflow,) = subject.prepare(checkout, chosen, client, frozenset())
    whole = Whole(reference=built["reference"], subject=tensorflow)
    info = f"{SITE}/tensorflow-2.21.0.dist-info"
    lines = (
        f"RUN cp -r {SITE}/tensorflow_cpu-*.dist-info {info}"
        f" && sed -i 's/^Name: .*/Name: tensorflow/' {info}/METADATA"
    )
    failed = failures(client, broken(whole, lines))
    assert failed.keys() == {
        "common/check_installed",
        "common/check_pip",  # what misses tensorflow does not miss it any more
        "tensorflow/check_one_tensorflow",
    }
