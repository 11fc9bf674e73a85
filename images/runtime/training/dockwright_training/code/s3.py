"""An address in S3 in; the object as a local file out.

Credentials, region and endpoint are found as boto3 finds them; S3_ENDPOINT_URL names an endpoint as
sagemaker-training has it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import boto3
from boto3.exceptions import Boto3Error
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from dockwright_training.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

_WHY = {
    "403": "access is denied; the job's role must allow s3:GetObject there",
    "404": "there is no such object",
}


def download(address: str, target: Path) -> Path:
    """Download an object; return the file.

    Raises:
        InputError: it is not there, may not be read, or S3 can't be reached.
    """
    parts = urlsplit(address)
    bucket, key = parts.netloc, parts.path.lstrip("/")
    if not bucket or not key:
        msg = f"{address!r} names no object in S3: s3://bucket/key.tar.gz is meant"
        raise InputError(msg)
    try:
        _client().download_file(bucket, key, str(target))
    except (ClientError, BotoCoreError, Boto3Error) as e:
        msg = f"the object {key} of the S3 bucket {bucket} can't be fetched: {_why(e)}"
        raise InputError(msg) from e
    return target


def _client() -> Any:  # noqa: ANN401 - boto3 makes its types at run time
    return boto3.client(
        "s3",
        region_name=os.environ.get("AWS_REGION") or os.environ.get("SAGEMAKER_REGION"),
        endpoint_url=os.environ.get("S3_ENDPOINT_URL"),
        config=Config(connect_timeout=15, retries={"mode": "standard"}),
    )


def _why(error: Exception) -> str:
    if isinstance(error, ClientError):
        told = error.response.get("Error", {})
        return _WHY.get(str(told.get("Code")), f"{told.get('Code')}: {told.get('Message')}")
    return str(error)
