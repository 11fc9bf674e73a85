"""A cluster in; TF_CONFIG, by which TensorFlow's workers find each other, out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dockwright_training.launch.cluster import Cluster

PORT = 8890


def config(cluster: Cluster) -> str:
    """Return TF_CONFIG for MultiWorkerMirroredStrategy, in the form that SageMaker's images write."""
    workers = [f"{host}:{PORT}" for host in cluster.hosts]
    task = {"index": cluster.rank, "type": "worker"}
    return json.dumps({"cluster": {"worker": workers}, "environment": "cloud", "task": task})
