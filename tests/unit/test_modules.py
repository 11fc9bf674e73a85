"""Which modules are compiled is a committed list, and what they compile to follows from it alone."""

from __future__ import annotations

import importlib.util
import marshal
import os
from typing import TYPE_CHECKING

import pytest

from dockwright.composition import compile_modules
from dockwright.composition.layers import layers_of_release
from dockwright.errors import StaleError
from dockwright.spec import lock as locks
from dockwright.spec import modules
from dockwright.stages.profile import unite

if TYPE_CHECKING:
    from pathlib import Path

    from sample import Sample

KEY = "pytorch-9.1.0-transformers7.8.0-py311-debian12"
SOURCE = b'"""A module."""\nNAMES = {"b", "a"}\ndef double(x):\n    return 2 * x\n'


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    path = modules.path_of(tmp_path, KEY)
    path.parent.mkdir()
    path.write_text(modules.dumps({"torch": ["torch/nn/a.py", "torch/a.py"], "a-b": ["ab.py"]}))
    expected = (("a-b", ("ab.py",)), ("torch", ("torch/a.py", "torch/nn/a.py")))
    assert modules.load(tmp_path, KEY) == expected


def test_a_release_without_a_list_has_no_layer_of_compiled_modules(tmp_path: Path) -> None:
    assert modules.load(tmp_path, KEY) == ()


@pytest.mark.parametrize("path", ["../a.py", "/a.py", "a/../b.py", ".a.py", "a.so", "a//b.py", ""])
def test_a_path_that_leads_elsewhere_is_refused(tmp_path: Path, path: str) -> None:
    file = modules.path_of(tmp_path, KEY)
    file.parent.mkdir()
    file.write_text(modules.dumps({"torch": [path]}))
    with pytest.raises(
        StaleError, match=r"is no list of modules: torch\.0: .*`dockwright profile`"
    ):
        modules.load(tmp_path, KEY)


def test_a_layer_has_the_modules_of_its_own_wheels(good: Sample) -> None:
    release = next(v.release for v in good.manifest().variants if v.release.key == KEY)
    layers = layers_of_release(locks.load(good.ws.buildspec_path, release))
    found = {layer.name: layer.modules for layer in layers if layer.modules}
    torch = ("torch/__init__.py", "torch/nn/__init__.py")
    assert found == {
        "torch-cpu": torch,
        "torch-cu999": torch,
        "huggingface": ("transformers/__init__.py",),
    }


def test_the_list_makes_no_lock_stale_and_is_no_part_of_it(good: Sample) -> None:
    release = next(v.release for v in good.manifest().variants if v.release.key == KEY)
    lock = locks.load(good.ws.buildspec_path, release)
    assert lock.modules
    committed = locks.lock_path(good.ws.buildspec_path, release).read_text("utf-8")
    assert locks.dumps(lock) == committed


def test_python_takes_a_compiled_module_for_its_source_s(tmp_path: Path) -> None:
    """The source here cannot be compiled: what runs is what was compiled before."""
    source_path = tmp_path / "module.py"
    broken = SOURCE.replace(b"def ", b"$ef ")
    source_path.write_bytes(broken)
    os.utime(source_path, (315532800, 315532800))
    cached_path = importlib.util.cache_from_source(str(source_path))
    os.makedirs(os.path.dirname(cached_path))  # noqa: PTH103, PTH120 - importlib's paths are strings
    content = compile_modules.compiled("module.py", SOURCE, folder=str(tmp_path), mtime=315532800)
    with open(cached_path, "wb") as file:  # noqa: PTH123 - likewise
        file.write(content)
    spec = importlib.util.spec_from_file_location("module", source_path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.double(4) == 8
    assert module.double.__code__.co_filename == f"{tmp_path}/module.py"


def test_all_of_a_file_of_work_is_compiled(tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.write_bytes(marshal.dumps([("a.py", SOURCE), ("b/c.py", b"")], compile_modules.FORMAT))
    compile_modules.main(str(work), "/folder", "315532800")
    made = marshal.loads(work.read_bytes())  # noqa: S302 - written just now
    assert [path for path, _ in made] == ["a.py", "b/c.py"]
    assert made[0][1] == compile_modules.compiled("a.py", SOURCE, folder="/folder", mtime=315532800)


def test_a_wheel_of_several_releases_is_compiled_alike_in_all_of_them() -> None:
    lists = {
        "old": {"torch": {"torch/a.py"}, "transformers": {"transformers/old.py"}},
        "new": {"torch": {"torch/b.py"}, "transformers": {"transformers/new.py"}},
        "other": {"torch": {"torch/c.py"}},
    }
    unite(
        lists,
        {
            "old": {"sha-of-torch": "torch", "sha-of-old": "transformers"},
            "new": {"sha-of-torch": "torch", "sha-of-new": "transformers", "sha-of-uv": "uv"},
            "other": {"sha-of-other-torch": "torch"},
        },
    )
    both = {"torch/a.py", "torch/b.py"}
    assert lists == {
        "old": {"torch": both, "transformers": {"transformers/old.py"}},
        "new": {"torch": both, "transformers": {"transformers/new.py"}},
        "other": {"torch": {"torch/c.py"}},
    }
