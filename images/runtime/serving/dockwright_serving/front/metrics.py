"""The figures of `/metrics`, in Prometheus' text format."""

from __future__ import annotations

from typing import TYPE_CHECKING

import prometheus_client as prometheus

if TYPE_CHECKING:
    from collections.abc import Callable

REQUESTS = prometheus.Counter("serving_requests", "Answers to /invocations", ["status"])
LATENCY = prometheus.Histogram(
    "serving_request_seconds",
    "From a request's last byte to its answer's first",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)
BATCH_SIZE = prometheus.Histogram(
    "serving_batch_size", "Requests handed to a worker at once", buckets=(1, 2, 4, 8, 16, 32, 64)
)
REJECTED = prometheus.Counter("serving_rejected", "Requests refused because the queue was full")
WORKER_ENDS = prometheus.Counter("serving_worker_ends", "Workers that ended and were replaced")
LOAD_SECONDS = prometheus.Gauge("serving_model_load_seconds", "What loading took", ["model"])
WORKERS = prometheus.Gauge("serving_workers", "Workers that answer now")
QUEUE = prometheus.Gauge("serving_queue", "Requests that no worker has yet")
MEMORY = prometheus.Gauge("serving_resident_bytes", "Resident memory", ["process"])

CONTENT_TYPE = prometheus.CONTENT_TYPE_LATEST


def page(refresh: Callable[[], None]) -> bytes:
    """Return all figures, those that are looked up on demand refreshed first."""
    refresh()
    return prometheus.generate_latest()
