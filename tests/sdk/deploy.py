"""Deploy a model with the SageMaker Python SDK in local mode, ask it, and delete it.

Runs in a virtual environment of the SDK's own: an order as JSON in, the answers as JSON into the
file of the second argument; what is printed is the SDK's and docker-compose's.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from sagemaker.huggingface import HuggingFaceModel
from sagemaker.model import Model
from sagemaker.predictor import Predictor

from sdk.local_v2 import NO_UPLOAD, ROLE, answers, session, uri


def main() -> None:
    """Write what the endpoint answers."""
    order = json.loads(sys.argv[1])
    common: dict[str, Any] = {
        "image_uri": uri(order["image"]),
        "role": ROLE,
        "sagemaker_session": session(order),
        "model_data": order.get("model_data"),
        "env": order["env"],
    }
    if order["class"] == "HuggingFaceModel":
        model = HuggingFaceModel(code_location=NO_UPLOAD, **common)
    else:
        model = Model(predictor_cls=Predictor, **common)
    Path(sys.argv[2]).write_text(json.dumps(answers(model, order["asked"])))


if __name__ == "__main__":
    main()
