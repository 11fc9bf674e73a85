"""What a model requires is told apart from what it is served with, in words of serving."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dockwright_serving.errors import ModelError
from dockwright_serving.models import requirements
from dockwright_serving.settings import ModelSettings

if TYPE_CHECKING:
    from pathlib import Path


def test_a_model_without_requirements_needs_none(tmp_path: Path) -> None:
    assert requirements.install(ModelSettings(model_dir=tmp_path), tmp_path, tmp_path) == ()


def test_a_conflict_is_the_models_fault_and_names_the_variable(tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code/requirements.txt").write_text("packaging<1\n")
    with pytest.raises(ModelError, match=r"requirements\.txt:1: .*; .*SERVING_IGNORE_PINS=true"):
        requirements.install(ModelSettings(model_dir=tmp_path), tmp_path, tmp_path)
