"""Image names by the SageMaker Python SDK's words, from the sample's manifest or a catalogue."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import made_up_catalog
from dockwright import image_uris
from dockwright.errors import NothingSelectedError, RecordError

if TYPE_CHECKING:
    from pathlib import Path

    from unit.conftest import Run

CPU = "huggingface-pytorch-inference:9.1.0-transformers7.8.0-cpu-py311-debian12"
GPU = "huggingface-pytorch-inference:9.1.0-transformers7.8.0-gpu-py311-cu999-debian12"
TRAINING = "huggingface-pytorch-training:9.1.0-transformers7.8.0-cpu-py311-debian12"


@pytest.mark.usefixtures("good")
@pytest.mark.parametrize(
    ("words", "name"),
    [
        ({"framework": "pytorch", "image_scope": "inference", "instance_type": "local"}, CPU),
        ({"framework": "pytorch", "image_scope": "inference", "instance_type": "local_gpu"}, GPU),
        (
            {"framework": "pytorch", "image_scope": "inference", "instance_type": "ml.g5.xlarge"},
            GPU,
        ),
        (
            {"framework": "pytorch", "image_scope": "training", "instance_type": "ml.c5.large"},
            TRAINING,
        ),
        (
            {
                "framework": "huggingface",
                "region": "eu-west-1",
                "version": "7.8.0",
                "py_version": "py311",
                "base_framework_version": "pytorch9.1",
                "image_scope": "inference",
                "container_version": "cu999-debian12",
                "instance_type": "ml.p4d.24xlarge",
            },
            GPU,
        ),
    ],
)
def test_the_sdks_words_name_one_image(words: dict[str, str], name: str) -> None:
    assert image_uris.retrieve(**words) == name


@pytest.mark.usefixtures("good")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"framework": "pytorch", "version": "8"}, "there is: .*version 9.1.0"),
        (
            {"framework": "huggingface", "version": "4", "base_framework_version": "pytorch"},
            "7.8.0",
        ),
        (
            {"framework": "pytorch", "instance_type": "ml.inf2.xlarge"},
            "no image for ml.inf2.xlarge",
        ),
        ({"framework": "PyTorch 2"}, "'PyTorch 2' is not a framework"),
    ],
)
def test_what_there_is_not_is_told_with_what_there_is(words: dict[str, str], said: str) -> None:
    with pytest.raises(NothingSelectedError, match=said):
        image_uris.retrieve(**words)


@pytest.mark.usefixtures("good")
def test_a_catalogue_serves_where_there_is_no_checkout(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, _, talk = run(f"catalog --to {tmp_path}/site")
    assert code == 0, talk
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DOCKWRIGHT_CATALOG", str(tmp_path / "site" / "catalog.json"))
    words = {"framework": "pytorch", "image_scope": "inference", "instance_type": "local"}
    assert image_uris.retrieve(**words) == CPU
    assert image_uris.retrieve(**words, registry="ghcr.io/team/") == f"ghcr.io/team/{CPU}"
    (tmp_path / "site" / "catalog.json").write_text('{"schema_version": 1}')
    with pytest.raises(RecordError, match="not a catalogue of this version"):
        image_uris.retrieve("pytorch")


def test_a_catalogue_of_a_registry_names_what_is_there_and_nothing_yanked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "catalog.json"
    path.write_text(made_up_catalog.catalog(40).model_dump_json())
    monkeypatch.setenv("DOCKWRIGHT_CATALOG", str(path))
    monkeypatch.chdir(tmp_path)
    words = {"framework": "pytorch", "instance_type": "local", "image_scope": "inference"}
    name = "huggingface-pytorch-inference:2.10.0-transformers5.18.0-cpu"
    assert image_uris.retrieve(**words) == f"registry.test/team/{name}"
    assert image_uris.retrieve(**words, registry="mirror.test") == f"mirror.test/{name}"
    assert "5.19.0-cpu was yanked on 2026-01-01" in capsys.readouterr().err
    with pytest.raises(NothingSelectedError, match=r"it forgets; use 2\.10\.0"):
        image_uris.retrieve(
            "huggingface", version="5.19", instance_type="local", image_scope="inference"
        )
    with pytest.raises(NothingSelectedError, match=r"training is not in registry\.test"):
        image_uris.retrieve("pytorch", image_scope="training")


def test_what_the_registrys_key_has_not_signed_is_not_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = made_up_catalog.catalog(1)
    image = found.images[0].model_copy(update={"is_signed": False})
    path = tmp_path / "catalog.json"
    path.write_text(found.model_copy(update={"images": (image,)}).model_dump_json())
    monkeypatch.setenv("DOCKWRIGHT_CATALOG", str(path))
    with pytest.raises(NothingSelectedError, match=r"is not signed by release\.pub"):
        image_uris.retrieve("pytorch", image_scope="inference")
    path.unlink()
    with pytest.raises(RecordError, match="which cannot be read"):
        image_uris.retrieve("pytorch", image_scope="inference")
