"""What tests of the running image share: the image, what runs in it, and tiny models made there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dockwright.clients import docker
from serving_container import Files, ServingImage, address_of, untar

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dockwright.clients.engine import Engine
    from dockwright.spec.records import BuildRecord

TESTS = Path(__file__).parents[2]
KINDS = ("bert-classifier", "vit-classifier", "wav2vec2-ctc")
_MAKE = """
import sys
from pathlib import Path
sys.path.insert(0, "/tests")
from runtime.serving import tiny_causal, tiny_models
for kind in sys.argv[1:]:
    folder = Path("/models", kind)
    folder.mkdir(parents=True)
    tiny_models.make(kind, folder)
trained = tiny_causal.tokenizer()
trained.chat_template = tiny_causal.TEMPLATE
trained.save_pretrained("/models/llama")
tiny_causal.causal("llama", len(trained)).save_pretrained("/models/llama")
"""


@pytest.fixture(scope="session")
def image(engine: Engine, inference: BuildRecord) -> Iterator[ServingImage]:
    """The inference image, to make containers of."""
    with docker.connect(engine) as client:
        yield ServingImage(docker=client, digest=inference.digest, address=address_of(engine.host))


@pytest.fixture(scope="session")
def runtime_tests() -> Files:
    """What runs inside images, by its path there."""
    paths = [TESTS / "hub_mirror.py", *(TESTS / "runtime").rglob("*.*")]
    return {
        f"tests/{path.relative_to(TESTS)}": path.read_bytes()
        for path in paths
        if path.suffix in {".py", ".json"}
    }


@pytest.fixture(scope="session")
def models(image: ServingImage, runtime_tests: Files) -> dict[str, Files]:
    """Tiny random models, by kind; made in the image, for only it has the framework."""
    with image.running("python3", "-c", _MAKE, *KINDS, files=runtime_tests) as maker:
        assert maker.container.wait()["StatusCode"] == 0, maker.log()
        stream, _ = maker.container.get_archive("/models")
        made = untar(stream)
    kinds = {name.partition("/")[0] for name in made}
    return {
        kind: {
            name.partition("/")[2]: content
            for name, content in made.items()
            if name.startswith(f"{kind}/")
        }
        for kind in kinds
    }


@pytest.fixture(scope="session")
def bert(models: dict[str, Files]) -> Files:
    """The files of a text classifier."""
    return models["bert-classifier"]
