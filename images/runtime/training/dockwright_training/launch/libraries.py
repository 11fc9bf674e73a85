"""What the image has of the libraries that launchers need, without importing any of them."""

from __future__ import annotations

from importlib import util
from pathlib import Path

DATA_PARALLEL = "smdistributed.dataparallel"
MODEL_PARALLEL = "smdistributed.modelparallel"
NO_DATA_PARALLEL = (
    f"SageMaker's data-parallel library ({DATA_PARALLEL}) is not in this image: AWS does not "
    "publish it; an add-on of the image's manifest brings its wheel. "
)
NO_MODEL_PARALLEL = (
    f"SageMaker's model-parallel library ({MODEL_PARALLEL}), which mp_parameters is for, is not in "
    "this image: AWS does not publish it; an add-on of the image's manifest brings its wheel. "
    "Without it, shard the model with PyTorch: torch.distributed.fsdp.fully_shard (or the "
    'Trainer\'s `fsdp` argument), launched by distribution={"torch_distributed": '
    '{"enabled": True}}'
)


def has(module: str) -> bool:
    """Tell whether there is such a module.

    >>> has("importlib.util"), has("importlib.nothing"), has("nothing.at.all")
    (True, False, False)
    """
    top, *parts = module.split(".")
    spec = util.find_spec(top)
    if spec is None:
        return False
    folders = [Path(place) for place in spec.submodule_search_locations or ()]
    below = Path(*parts)
    return not parts or any(
        (folder / below).is_dir() or (folder / below).with_suffix(".py").is_file()
        for folder in folders
    )


def has_data_parallel() -> bool:
    """Tell whether SageMaker's data-parallel library is here."""
    return has(DATA_PARALLEL)


def has_model_parallel() -> bool:
    """Tell whether SageMaker's model-parallel library is here, of version 1 or 2."""
    return has(MODEL_PARALLEL) or has("torch.sagemaker")
