"""The model is found where the environment says, or the reader learns where it was looked for."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path

import pytest

from dockwright_serving.errors import ModelError, OutOfMemoryError
from dockwright_serving.models import source
from dockwright_serving.models.weights import unneeded
from dockwright_serving.settings import ModelSettings
from dockwright_shared import archive


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A folder with a model."""
    folder = tmp_path / "model"
    (folder / "code").mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    return folder


def packed(folder: Path, target: Path, name: str) -> Path:
    """Pack a folder under a name into an archive in an otherwise empty place."""
    target.mkdir(exist_ok=True)
    with tarfile.open(target / "model.tar.gz", "w:gz") as tar:
        tar.add(folder, name)
    return target


def fetch(tmp_path: Path, **settings: object) -> Path:
    return source.fetch(ModelSettings(**settings), tmp_path / "scratch")  # type: ignore[arg-type]


def test_an_unpacked_model_is_served_where_it_is(model: Path, tmp_path: Path) -> None:
    assert fetch(tmp_path, model_dir=model) == model
    assert not (tmp_path / "scratch").exists()


def test_a_local_folder_may_be_named_as_the_hub_model(model: Path, tmp_path: Path) -> None:
    assert fetch(tmp_path, hub_id=str(model), model_dir=tmp_path / "other") == model


@pytest.mark.parametrize("name", [".", "./", "my-model"])
def test_an_archive_is_unpacked_with_or_without_a_folder_in_it(
    model: Path, tmp_path: Path, name: str
) -> None:
    place = packed(model, tmp_path / "mounted", name)
    found = fetch(tmp_path, model_dir=place)
    assert (found / "config.json").read_text() == "{}"
    assert found.is_relative_to(tmp_path / "scratch")
    assert [p.name for p in place.iterdir()] == ["model.tar.gz"]


def test_an_archive_itself_may_be_named(model: Path, tmp_path: Path) -> None:
    place = packed(model, tmp_path / "mounted", ".")
    found = fetch(tmp_path, hub_id=str(place / "model.tar.gz"))
    assert (found / "config.json").is_file()


def test_an_archive_beside_a_model_is_left_alone(model: Path, tmp_path: Path) -> None:
    (model / "data.tar.gz").write_bytes(b"not ours")
    assert fetch(tmp_path, model_dir=model) == model


def test_a_broken_archive_is_the_models_fault(tmp_path: Path) -> None:
    (tmp_path / "model.tar.gz").write_bytes(b"no archive")
    with pytest.raises(ModelError, match=r"model\.tar\.gz: broken") as failure:
        fetch(tmp_path, model_dir=tmp_path)
    assert failure.value.status == 500


def test_more_than_the_disk_holds_is_insufficient_storage(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (model / "weights").write_bytes(b"x")
    monkeypatch.setattr(archive, "RESERVE_BYTES", 1 << 60)
    monkeypatch.setattr(archive, "RESERVE_SHARE", 1.0)
    with pytest.raises(OutOfMemoryError, match="the disk has 0") as failure:
        fetch(tmp_path, model_dir=packed(model, tmp_path / "mounted", "."))
    assert failure.value.status == 507


def test_two_archives_are_one_too_many(tmp_path: Path) -> None:
    for name in ("a.tar.gz", "b.tgz"):
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(ModelError, match=r"which of the archives a\.tar\.gz, b\.tgz"):
        fetch(tmp_path, model_dir=tmp_path)


@pytest.mark.parametrize("name", ["missing", "empty"])
def test_no_model_is_said_with_what_to_do(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError, match=f"{name}: no model there; mount one, or set HF_MODEL_ID"):
        fetch(tmp_path, model_dir=tmp_path / name)


@pytest.mark.parametrize("name", ["/no/such/folder", "./here", "~/model", "s3://bucket/model"])
def test_a_path_that_is_none_is_not_asked_of_the_hub(tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelError, match="no such folder here"):
        fetch(tmp_path, hub_id=name)


def test_an_unreadable_folder_is_said_to_be(model: Path, tmp_path: Path) -> None:
    def refuse(_: Path) -> object:
        raise PermissionError(13, "Permission denied")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "iterdir", refuse)
        with pytest.raises(ModelError, match=f"Permission denied for user {os.getuid()}"):
            fetch(tmp_path, model_dir=model)


FILES = (
    *("config.json", "tokenizer.json", "vocab.txt", "README.md", "code/inference.py"),
    *(
        "model.safetensors",
        "pytorch_model.bin",
        "tf_model.h5",
        "flax_model.msgpack",
        "rust_model.ot",
    ),
    *("onnx/model.onnx", "onnx/config.json", "openvino/openvino_model.bin", "training_args.bin"),
    *("2_Dense/pytorch_model.bin", "2_Dense/config.json", "consolidated.safetensors"),
)


def left(framework: str, *files: str) -> set[str]:
    """Return what of the files is downloaded."""
    return set(files) - set(unneeded(files, framework))  # type: ignore[arg-type]


def test_pytorch_takes_safetensors_and_pickle_only_where_there_are_none() -> None:
    text = {"config.json", "tokenizer.json", "vocab.txt", "README.md", "code/inference.py"}
    dense = {"2_Dense/pytorch_model.bin", "2_Dense/config.json"}
    assert left("pytorch", *FILES) == text | dense | {"model.safetensors"}
    shards = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")
    assert left("pytorch", *shards, "consolidated.safetensors") == set(shards)
    assert left("pytorch", "consolidated.safetensors") == {"consolidated.safetensors"}
    assert left("pytorch", "pytorch_model.bin", "tf_model.h5") == {"pytorch_model.bin"}


def test_tensorflow_takes_its_own_weights_and_safetensors_only_where_there_are_none() -> None:
    assert left("tensorflow", "tf_model.h5", "model.safetensors", "pytorch_model.bin") == {
        "tf_model.h5"
    }
    assert left("tensorflow", "model.safetensors", "pytorch_model.bin") == {"model.safetensors"}
