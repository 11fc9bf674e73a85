"""Train with version 3 of the SageMaker Python SDK in local mode; deploy the result where asked.

Runs in a virtual environment of the SDK's own: an order as JSON in; what the model answers, and the
SDK's error out, as JSON into the file of the second argument. Results are below the order's `root`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sagemaker.core import image_uris
from sagemaker.core.local.local_session import LocalSession
from sagemaker.train.configs import Compute, InputData, SourceCode
from sagemaker.train.distributed import Torchrun
from sagemaker.train.model_trainer import Mode, ModelTrainer

from sdk import names

if TYPE_CHECKING:
    from collections.abc import Mapping

NAME = "dockwright-test"


def main() -> None:
    """Write how it went."""
    order = json.loads(sys.argv[1])
    told: dict[str, Any] = {}
    try:
        train(order)
    except RuntimeError as error:
        told["error"] = str(error)
    else:
        if "serving_image" in order:
            told["answers"] = answers(order)
    Path(sys.argv[2]).write_text(json.dumps(told))


def train(order: Mapping[str, Any]) -> None:
    """Run the job; without `source_code` the image's own command is left as it is."""
    code, processes = order.get("source_code"), order.get("processes")
    trainer = ModelTrainer(
        training_mode=Mode.LOCAL_CONTAINER,
        training_image=names.uri(order["image"], image_uris.retrieve),
        base_job_name=NAME,
        local_container_root=order["root"],
        source_code=SourceCode(**code) if code else None,
        distributed=Torchrun(process_count_per_node=processes) if processes else None,
        compute=Compute(instance_type="local_cpu", instance_count=order.get("instances", 1)),
        hyperparameters=order["hyperparameters"],
    )
    channels = order["channels"].items()
    trainer.train([InputData(channel_name=name, data_source=path) for name, path in channels])


def answers(order: Mapping[str, Any]) -> list[Any]:
    """Deploy what was trained by local mode's stand-in for SageMaker's own client, and ask it."""
    session = LocalSession()
    session.config = {"local": {"serving_port": order["port"], "container_root": order["root"]}}
    client, runtime = session.sagemaker_client, session.sagemaker_runtime_client
    data = f"file://{order['root']}/compressed_artifacts/model.tar.gz"
    image = names.uri(order["serving_image"], image_uris.retrieve)
    client.create_model(NAME, {"Image": image, "ModelDataUrl": data, "Environment": {}})
    variant = {"ModelName": NAME, "InstanceType": "local", "InitialInstanceCount": 1}
    client.create_endpoint_config(NAME, [variant])
    client.create_endpoint(NAME, NAME)
    try:
        asked = [json.dumps(value) for value in order["asked"]]
        got = [runtime.invoke_endpoint(body, NAME, "application/json") for body in asked]
        return [json.loads(answer["Body"].read()) for answer in got]
    finally:
        client.delete_endpoint(NAME)


if __name__ == "__main__":
    main()
