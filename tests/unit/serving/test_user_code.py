"""The user's functions are found, take a context or not, and their faults have a place."""

from __future__ import annotations

import functools
import sys
import tarfile
from typing import TYPE_CHECKING

import pytest

from dockwright_serving.errors import ModelError
from dockwright_serving.models import code_folder, user_code
from dockwright_serving.models.user_code import with_context
from dockwright_serving.settings import ModelSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

CONTEXT = object()


@pytest.fixture(autouse=True)
def imports(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Imports of a test end with it; the platform's and temporary folders are the test's own."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(code_folder, "PLATFORM", tmp_path / "platform")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        del sys.modules[name]


def written(folder: Path, text: str, name: str = "inference.py") -> Path:
    """Write a program and return its folder."""
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)
    return folder


def load(model: Path, **settings: object) -> user_code.UserCode | None:
    given: dict[str, object] = {"model_dir": model, **settings}
    return user_code.load(ModelSettings(**given), model)  # type: ignore[arg-type]


def answer(code: user_code.UserCode | None) -> object:
    """Return what the program's predict_fn says."""
    assert code is not None
    assert code.predict_fn is not None
    return code.predict_fn("data", "model", CONTEXT)


def says(text: str) -> str:
    return f"def predict_fn(data, model): return {text!r}\n"


def test_a_model_without_code_has_no_functions(tmp_path: Path) -> None:
    assert load(tmp_path) is None


def test_the_functions_of_inference_py_are_found(tmp_path: Path) -> None:
    written(tmp_path / "code", "def model_fn(d): return d + '!'\npredict_fn = None\n")
    code = load(tmp_path)
    assert code is not None
    assert code.model_fn is not None
    assert code.model_fn("dir", CONTEXT) == "dir!"
    assert (code.input_fn, code.predict_fn, code.output_fn, code.transform_fn) == (None,) * 4


def test_a_program_with_none_of_the_functions_counts_for_nothing(tmp_path: Path) -> None:
    written(tmp_path / "code", "import os\n")
    assert load(tmp_path) is None


def test_a_program_imports_its_neighbours(tmp_path: Path) -> None:
    written(tmp_path / "code", "WORD = 'helped'\n", "helper_of_mine.py")
    written(
        tmp_path / "code", "from helper_of_mine import WORD\ndef predict_fn(d, m): return WORD\n"
    )
    assert answer(load(tmp_path)) == "helped"


@pytest.mark.parametrize("program", ["serve_it.py", "sub/serve_it.py"])
def test_the_program_may_have_another_name(tmp_path: Path, program: str) -> None:
    written(tmp_path / "code", says("other"), program)
    assert answer(load(tmp_path, program=program)) == "other"


def test_a_submitted_folder_comes_before_the_models(tmp_path: Path) -> None:
    written(tmp_path / "model/code", says("model"))
    submitted = written(tmp_path / "submitted", says("submitted"))
    assert answer(load(tmp_path / "model", submit_directory=str(submitted))) == "submitted"


def test_a_submitted_folder_may_be_a_file_url_or_an_archive(tmp_path: Path) -> None:
    submitted = written(tmp_path / "with space", says("submitted"))
    with tarfile.open(tmp_path / "sourcedir.tar.gz", "w:gz") as tar:
        tar.add(submitted / "inference.py", "inference.py")
    for directory in (submitted.as_uri(), str(tmp_path / "sourcedir.tar.gz")):
        assert answer(load(tmp_path / "model", submit_directory=directory)) == "submitted"


def test_a_broken_submitted_archive_is_the_models_fault(tmp_path: Path) -> None:
    path = tmp_path / "sourcedir.tar.gz"
    path.write_bytes(b"no archive")
    with pytest.raises(ModelError, match=r"sourcedir\.tar\.gz: broken"):
        load(tmp_path / "model", submit_directory=str(path))


def test_what_lies_on_s3_was_put_into_the_platforms_folder(tmp_path: Path) -> None:
    written(tmp_path / "platform", says("platform"))
    settings = {"submit_directory": "s3://bucket/sourcedir.tar.gz", "program": "inference.py"}
    assert answer(load(tmp_path / "model", **settings)) == "platform"


def test_a_submitted_folder_that_is_not_there_is_no_fault_of_a_model_without_code(
    tmp_path: Path,
) -> None:
    assert load(tmp_path, submit_directory="/no/such/folder") is None


def test_a_program_that_is_nowhere_is_said_with_the_places(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"SAGEMAKER_PROGRAM=mine\.py: no such file in .*/code"):
        load(tmp_path, program="mine.py")


def test_code_from_the_hub_runs_only_when_it_is_trusted(tmp_path: Path) -> None:
    snapshot = tmp_path / "snapshot"
    written(snapshot / "code", says("from the hub"))
    settings = ModelSettings(model_dir=tmp_path / "mounted", hub_id="someone/model")
    assert user_code.load(settings, snapshot) is None
    trusting = ModelSettings(
        model_dir=tmp_path / "mounted", hub_id="someone/model", trust_remote_code=True
    )
    assert answer(user_code.load(trusting, snapshot)) == "from the hub"


def test_ones_own_code_serves_a_model_from_the_hub(tmp_path: Path) -> None:
    written(tmp_path / "mounted/code", says("mine"))
    settings = ModelSettings(model_dir=tmp_path / "mounted", hub_id="someone/model")
    assert answer(user_code.load(settings, tmp_path / "snapshot")) == "mine"


@pytest.mark.parametrize("other", ["input_fn", "predict_fn", "output_fn"])
def test_transform_fn_excludes_what_it_replaces(tmp_path: Path, other: str) -> None:
    text = f"def transform_fn(m, b, c, a): ...\ndef {other}(a, b): ...\ndef model_fn(d): ...\n"
    written(tmp_path / "code", text)
    with pytest.raises(ModelError, match=f"transform_fn does the work of {other}"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("\ndef predict_fn(:\n", r"inference\.py:2: SyntaxError: "),
        ("import no_such_module_at_all\n", r"inference\.py:1: ModuleNotFoundError: No module"),
        ("\n\n1 / 0\n", r"inference\.py:3: ZeroDivisionError"),
        ("def f():\n    raise SystemExit(3)\nf()\n", r"inference\.py:2: SystemExit: 3"),
        ("import json\njson.loads('{')\n", r"inference\.py:2: JSONDecodeError"),
    ],
)
def test_a_fault_of_the_program_has_file_and_line(tmp_path: Path, text: str, place: str) -> None:
    written(tmp_path / "code", text)
    with pytest.raises(ModelError, match=place):
        load(tmp_path)


def test_a_name_that_is_no_function_is_refused(tmp_path: Path) -> None:
    written(tmp_path / "code", "model_fn = 'model'\n")
    with pytest.raises(ModelError, match="is a str, no function"):
        load(tmp_path)


class Predictor:
    """An object that is called."""

    def __call__(self, data: object, model: object, context: object) -> list[object]:
        return [data, model, context]


def _decorated(function: Callable[..., object]) -> Callable[..., object]:
    @functools.wraps(function)
    def wrapper(*args: object, **kwargs: object) -> object:
        return function(*args, **kwargs)

    return wrapper


TAKES: dict[str, Callable[..., object]] = {
    "a context": lambda data, model, context: [data, model, context],
    "any third": lambda data, model, third: [data, model, third],
    "an optional context": lambda data, model, context=None: [data, model, context],
    "a keyword context": lambda data, model, *, context: [data, model, context],
    "an object's context": Predictor(),
    "a partial's context": functools.partial(lambda _, d, m, c: [d, m, c], "first"),
    "a decorated context": _decorated(lambda data, model, context: [data, model, context]),
}
LEAVES: dict[str, Callable[..., object]] = {
    "two": lambda data, model: [data, model],
    "two and an option": lambda data, model, top_k=5: [data, model] if top_k == 5 else [],
    "any": lambda *args: list(args),
    "any by name": lambda data, model, **options: [data, model] if not options else [],
    "a partial": functools.partial(lambda _, d, m: [d, m], "first"),
    "decorated": _decorated(lambda data, model: [data, model]),
}


@pytest.mark.parametrize("case", TAKES)
def test_a_function_that_takes_a_context_gets_it(case: str) -> None:
    assert with_context(TAKES[case], 2)("d", "m", CONTEXT) == ["d", "m", CONTEXT]


@pytest.mark.parametrize("case", LEAVES)
def test_a_function_that_takes_no_context_gets_none(case: str) -> None:
    assert with_context(LEAVES[case], 2)("d", "m", CONTEXT) == ["d", "m"]


def test_a_compiled_function_is_called_without_a_context() -> None:
    assert with_context(max, 2)(1, 2, CONTEXT) == 2


async def _later(data: object, model: object) -> object:
    return [data, model]


UNFIT: dict[str, tuple[object, str]] = {
    "none": (lambda: None, "called with 2 arguments"),
    "one": (lambda data: data, "called with 2 arguments"),
    "four": (lambda a, b, c, d: (a, b, c, d), "called with 2 arguments"),
    "a keyword": (lambda a, b, *, needed: (a, b, needed), "called with 2 arguments"),
    "async": (_later, "async"),
    "a number": (5, "no function"),
}


@pytest.mark.parametrize("case", UNFIT)
def test_a_function_that_does_not_fit_is_refused_at_start(case: str) -> None:
    function, reason = UNFIT[case]
    with pytest.raises(ModelError, match=reason):
        with_context(function, 2)
