"""What integration tests share: the checkout, its engine, and one image built in it."""

from __future__ import annotations

import json
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import bump_checkout
from dockwright import process, workspace
from dockwright.clients import docker
from dockwright.clients import engine as engines
from dockwright.spec import manifest, selector
from dockwright.spec.records import BuildRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bump_checkout import Checkout
    from dockwright.clients.engine import Engine
    from dockwright.spec.variants import Variant
    from dockwright.workspace import Workspace

INFERENCE = "pytorch-*-transformers5*-inference-cpu"
KEPT = "dockwright-test"


@pytest.fixture(scope="session")
def checkout() -> Workspace:
    return workspace.find(Path(__file__).parent)


@pytest.fixture(scope="session")
def variant(checkout: Workspace) -> Variant:
    """The variant that integration tests build."""
    return selector.pick(manifest.load(checkout.buildspec_path).variants, [INFERENCE])[0]


@pytest.fixture(scope="session")
def program() -> tuple[str, ...]:
    """The command line that starts dockwright, as installed."""
    return (sys.executable, "-m", "dockwright")


@pytest.fixture(scope="session")
def dockwright(checkout: Workspace, program: tuple[str, ...]) -> Callable[..., str]:
    """Run the program as a user does; ProcessError when it fails."""

    def run(*args: str, prefix: tuple[str, ...] = (), env: dict[str, str] | None = None) -> str:
        argv = (*prefix, *program, *args)
        return process.run(argv, cwd=checkout.root, env=env, timeout_s=1200)

    return run


@pytest.fixture(scope="session")
def engine(checkout: Workspace) -> Engine:
    return engines.ensure(checkout)


@pytest.fixture(scope="session")
def inference(
    dockwright: Callable[..., str], engine: Engine, variant: Variant
) -> Iterator[BuildRecord]:
    """The PyTorch CPU inference image, really built; there by digest whoever takes its tag.

    By BuildKit, the reference; the assembled one holds the same files (test_assemble.py).
    """
    args = ("build", variant.identifier, "--builder", "buildkit", "--json")
    (facts,) = json.loads(dockwright(*args))
    record = BuildRecord.model_validate_json(json.dumps(facts))
    with docker.connect(engine) as client:
        tag = uuid.uuid4().hex  # of this session: others may share the engine
        assert client.images.get(record.reference).tag(KEPT, tag)
        yield record
        client.images.remove(f"{KEPT}:{tag}")


@pytest.fixture(scope="session")
def bumped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """The sample, locked; who changes it puts it back."""
    with bump_checkout.locked(tmp_path_factory.mktemp("bump")) as found:
        yield found
