"""A locked sample whose packages come from an index of our own, for tests of bumps."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

import sample
from dockwright import process
from dockwright.clients import apt
from dockwright.errors import ProcessError
from made_up_index import Distribution, Traffic, serve

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sample import Sample


def made(name: str, version: str, *needs: str, **facts: Any) -> Distribution:  # noqa: ANN401
    return Distribution(name=name, version=version, needs=needs, **facts)


OFFERED = (
    made("pip", "1.2"),
    made("pip", "1.3"),
    made("uv", "3.4.5"),
    made("torch", "9.1.0+cpu", "sympy", index="cpu"),
    made("torch", "9.1.0", "sympy", "nvidia-cuda-runtime==99.9.1"),
    made("torch", "9.2.0+cpu", "sympy", index="cpu"),
    made("torch", "9.2.0", "sympy", "nvidia-cuda-runtime==99.8.1"),
    made("torch", "9.3.0", "sympy", "nvidia-cuda-runtime==99.8.1"),
    made("torch", "9.4.0+cpu", "sympy", index="cpu"),
    made("torch", "9.4.0", "sympy", "nvidia-cuda-runtime==98.1.1"),
    made("torch", "9.5.0", tag="cp399-cp399-linux_x86_64"),
    made("nvidia-cuda-runtime", "98.1.1"),
    made("nvidia-cuda-runtime", "99.9.1"),
    made("nvidia-cuda-runtime", "99.8.1"),
    made("sympy", "1.14"),
    made("transformers", "7.8.0", "numpy", "tokenizers>=7,<8"),
    made("transformers", "7.9.0", "numpy", "tokenizers>=8"),
    made("transformers", "8.0.0", "numpy", "tokenizers>=8"),
    made("transformers", "7.10.0", yanked="wrong weights"),
    made("transformers", "7.11.0", tag="cp399-cp399-win_amd64"),
    made("transformers", "4.99.0", "numpy"),
    made("tokenizers", "7.0.1"),
    made("tokenizers", "8.1.0"),
    made("tokenizers", "6.5.0"),
    made("numpy", "3.0"),
    made("numpy", "3.1"),
    made("datasets", "6.0.0", "numpy<3.1"),
    made("datasets", "6.1.0", "tokenizers>=9"),
    made("datasets", "5.9.0", "numpy"),
    made("sentencepiece", "0.9"),
    made("sentencepiece", "0.10"),
    *(made(name, "1.0") for name in ("packaging", "starlette", "uvicorn")),
    made("tensorflow-cpu", "8.2.0"),
    made(
        "tensorflow", "8.2.0", "nvidia-cuda-runtime-cu99; extra == 'and-cuda'", extras=("and-cuda",)
    ),
    made("nvidia-cuda-runtime-cu99", "99.9.2"),
    made("tf-keras", "8.2.0", "tensorflow"),
)
RULES = """
rules:
  - framework: tensorflow
    package: transformers
    wants: "<5"
    reason: Five has no TensorFlow models
    source: https://rules.example/five
cuda_drivers:
  - {cuda: "98", driver: "999.50", source: https://drivers.example/98}
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Checkout:
    """A locked sample, and how to run dockwright in it."""

    good: Sample
    env: dict[str, str]

    def run(self, *args: str, **env: str) -> str:
        argv = (sys.executable, "-m", "dockwright", *args)
        return process.run(argv, timeout_s=300, cwd=self.good.ws.root, env=self.env | env)

    def refused(self, *args: str, **env: str) -> str:
        """Return what the program says, which must fail and leave every file as it was."""
        before = self.good.tree()
        with pytest.raises(ProcessError) as caught:
            self.run(*args, **env)
        after = self.good.tree()
        after.pop("out/bump.lock", None)
        assert after == {k: v for k, v in before.items() if k != "out/bump.lock"}
        return str(caught.value)

    @contextmanager
    def restored(self) -> Iterator[dict[str, bytes]]:
        """Put every file back at the end of the block; yield what there was."""
        root, before = self.good.ws.root, self.good.tree()
        yield before
        for path in self.good.tree().keys() - before.keys():
            (root / path).unlink()
        for path, content in before.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(content)


@contextmanager
def locked(folder: Path) -> Iterator[Checkout]:
    """Solve and generate a copy of the sample; the index is the only place for packages."""
    good = sample.copy(folder)
    for path in (good.ws.buildspec_path / "locks").glob("*-py311-*.json"):
        path.unlink()
    with (good.ws.buildspec_path / "common.yml").open("a", encoding="utf-8") as file:
        file.write(RULES)
    with serve(OFFERED) as address, pytest.MonkeyPatch.context() as patch:
        for name in ("UV_FIND_LINKS", "UV_INDEX", "UV_EXTRA_INDEX_URL", "PIP_FIND_LINKS"):
            patch.delenv(name, raising=False)
        env = {
            "DOCKWRIGHT_HOME": str(good.ws.home),
            "UV_CACHE_DIR": str(good.ws.home / "uv"),
            "UV_NO_CONFIG": "1",
            "PIP_CONFIG_FILE": "/dev/null",
            "NO_PROXY": "127.0.0.1",
        }
        _renew_base(good)
        found = Checkout(good=good, env=env | _index(address))
        found.run("lock")
        found.run("generate")
        yield found


def _renew_base(good: Sample) -> None:
    """Lock the versions that Debian has today: of bases nothing is to be bumped."""
    path = good.ws.buildspec_path / "locks" / "base-debian12.json"
    lock = json.loads(path.read_bytes())
    packages = [package for image in lock["images"] for package in image["packages"]]
    names = [package["name"] for package in packages]
    today = apt.candidates(names, suite="bookworm", state_path=good.ws.home / "apt")
    for package in packages:
        package["version"] = today[package["name"]].version
    path.write_text(json.dumps(lock), encoding="utf-8")


@contextmanager
def later(
    checkout: Checkout, *more: Distribution, traffic: Traffic | None = None
) -> Iterator[Checkout]:
    """Yield the same checkout on a day when the index has more."""
    with serve((*OFFERED, *more), traffic) as address:
        yield replace(checkout, env=checkout.env | _index(address))


def _index(address: str) -> dict[str, str]:
    return {
        "DOCKWRIGHT_INDEX_EXAMPLE_CPU": f"{address}/cpu",
        "UV_DEFAULT_INDEX": f"{address}/simple",
    }
