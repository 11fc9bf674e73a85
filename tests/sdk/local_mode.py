"""Deploy a model with the SageMaker Python SDK in local mode, ask it, and delete it.

Runs in a virtual environment of the SDK's own: an order as JSON in, the answers as JSON into the
file of the second argument; what is printed is the SDK's and docker-compose's.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from sagemaker.deserializers import JSONDeserializer
from sagemaker.huggingface import HuggingFaceModel
from sagemaker.local import LocalSession
from sagemaker.model import Model
from sagemaker.predictor import Predictor
from sagemaker.serializers import JSONSerializer

ROLE = "arn:aws:iam::123456789012:role/nobody"


def main() -> None:
    """Write what the endpoint answers."""
    order = json.loads(sys.argv[1])
    session = LocalSession()
    session.config = {"local": {"serving_port": order["port"], "container_root": order["root"]}}
    common: dict[str, Any] = {
        "image_uri": order["image"],
        "role": ROLE,
        "sagemaker_session": session,
        "model_data": order.get("model_data"),
        "env": order["env"],
    }
    if order["class"] == "HuggingFaceModel":
        # Without a place for code it would make a bucket.
        model = HuggingFaceModel(code_location="s3://local/none", **common)
    else:
        model = Model(predictor_cls=Predictor, **common)
    predictor = model.deploy(
        initial_instance_count=1,
        wait=False,  # it has waited for /ping; this would look again in half a minute
        instance_type="local",
        serializer=JSONSerializer(),
        deserializer=JSONDeserializer(),
    )
    try:
        answers = [predictor.predict(value) for value in order["asked"]]
    finally:
        predictor.delete_endpoint()
    Path(sys.argv[2]).write_text(json.dumps(answers))


if __name__ == "__main__":
    main()
