"""What tests of trainings share: folders of files, the documented metric patterns, an answer."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx

    from serving_container import Files, ServingImage

_NAMES = (
    "loss learning_rate epoch eval_loss eval_accuracy eval_f1 eval_precision eval_recall "
    "eval_runtime eval_samples_per_second train_runtime"
)
DOCUMENTED = {name: rf"'{name}': ([0-9]+(.|e\-)[0-9]+),?" for name in _NAMES.split()}
"""metric_definitions of Hugging Face's SageMaker examples: name -> regular expression."""


def under(files: Files, folder: str) -> Files:
    """Return the files of a folder, by path in it."""
    start = f"{folder}/"
    return {name.removeprefix(start): x for name, x in files.items() if name.startswith(start)}


def values(log: str, name: str) -> list[float]:
    """Return what SageMaker finds of a metric in a log."""
    return [float(match[1]) for match in re.finditer(DOCUMENTED[name], log)]


def answer(image: ServingImage, model: Files, body: bytes, content_type: str) -> httpx.Response:
    """Serve a trained model as it is, without a word about its task, and ask it."""
    with image.running(model=model) as site:
        site.wait_for_ping()
        return site.client.post(
            "/invocations", content=body, headers={"content-type": content_type}
        )
