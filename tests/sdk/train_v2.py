"""Train with version 2 of the SageMaker Python SDK in local mode; deploy the result where asked.

Runs in a virtual environment of the SDK's own: an order as JSON in; where the model lies, what it
answers, and the SDK's error out, as JSON into the file of the second argument.
"""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path
from typing import Any

from sagemaker.estimator import Estimator
from sagemaker.huggingface import HuggingFace

from sdk.local_v2 import NO_UPLOAD, ROLE, answers, session, uri

CLASSES = {
    "Estimator": Estimator,
    "HuggingFace": partial(HuggingFace, py_version="py311"),  # which it wants in any case
}


def main() -> None:
    """Write how it went."""
    order = json.loads(sys.argv[1])
    estimator = CLASSES[order["class"]](
        image_uri=uri(order["image"]),
        role=ROLE,
        sagemaker_session=session(order),
        instance_type="local",
        **{"instance_count": 1, "code_location": NO_UPLOAD, **order["arguments"]},
    )
    told: dict[str, Any] = {}
    try:
        estimator.fit(order["channels"])
    except RuntimeError as error:
        told["error"] = str(error)
    else:
        told["model_data"] = estimator.model_data
        if serving := order.get("serving_image"):
            told["answers"] = answers(estimator, order["asked"], image_uri=uri(serving))
    Path(sys.argv[2]).write_text(json.dumps(told))


if __name__ == "__main__":
    main()
