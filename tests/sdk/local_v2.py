"""What scripts for version 2 of the SageMaker Python SDK share: local mode's session, and asking."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sagemaker import image_uris
from sagemaker.deserializers import JSONDeserializer
from sagemaker.local import LocalSession
from sagemaker.serializers import JSONSerializer

from sdk import names

if TYPE_CHECKING:
    from collections.abc import Mapping

ROLE = "arn:aws:iam::123456789012:role/nobody"
NO_UPLOAD = "s3://local/none"
"""A place for code that is never written to; without one the SDK would make a bucket."""


def uri(image: str | dict[str, Any]) -> str:
    """Return an image's name, of words as this version's `retrieve` takes them."""
    return names.uri(image, image_uris.retrieve)


def session(order: Mapping[str, Any]) -> LocalSession:  # type: ignore[no-any-unimported]
    """Return a session whose containers share no port and no folder with others'."""
    made = LocalSession()
    made.config = {
        "local": {
            "serving_port": order["port"],
            "container_root": order["root"],
            "local_code": order.get("local_code", True),  # or else it goes by S3
        }
    }
    return made


def answers(deployable: Any, asked: list[object], **options: object) -> list[Any]:  # noqa: ANN401
    """Deploy a model or what an estimator has trained, ask it, and delete the endpoint."""
    predictor = deployable.deploy(
        initial_instance_count=1,
        wait=False,  # it has waited for /ping; this would look again in half a minute
        instance_type="local",
        serializer=JSONSerializer(),
        deserializer=JSONDeserializer(),
        **options,
    )
    try:
        return [predictor.predict(value) for value in asked]
    finally:
        predictor.delete_endpoint()
