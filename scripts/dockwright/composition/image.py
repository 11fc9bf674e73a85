"""Layers and settings in; Docker v2 schema 2 config and manifest, always the same bytes, out."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from dockwright.spec.image import CONFIG_TYPE, LAYER_TYPE, MANIFEST_TYPE, AssembledImage, sha256

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dockwright.spec.image import Blob, Described


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One line of an image's history; `diff_id` is the digest of the layer's tar, if it has one."""

    created_by: str
    diff_id: str | None = None
    comment: str | None = None


def assembled(config: bytes, layers: Sequence[Blob]) -> AssembledImage:
    """Return the image that a config and its layers make."""
    layers = tuple(layers)
    return AssembledImage(manifest=docker_manifest(config, layers), config=config, layers=layers)


def docker_manifest(config: bytes, layers: Sequence[Described]) -> bytes:
    """Return the manifest; SageMaker takes no other kind (moby/buildkit#5480)."""
    diff_ids = json.loads(config)["rootfs"]["diff_ids"]
    assert len(diff_ids) == len(layers), "every layer needs its diff_id, and the other way round"
    return _json(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": {"mediaType": CONFIG_TYPE, "digest": sha256(config), "size": len(config)},
            "layers": [
                {"mediaType": LAYER_TYPE, "digest": layer.digest, "size": layer.size_bytes}
                for layer in layers
            ],
        }
    )


def image_config(
    *,
    architecture: str,
    epoch: int,
    steps: Sequence[Step],
    env: Mapping[str, str] | None = None,
    labels: Mapping[str, str] | None = None,
    entrypoint: Sequence[str] = (),
    cmd: Sequence[str] = (),
    working_dir: str = "",
    user: str = "",
    exposed_ports: Sequence[str] = (),
    stop_signal: str = "",
) -> bytes:
    """Return the config with the fields that BuildKit writes; what is empty is left out.

    BuildKit's `ArgsEscaped` is for Windows images only and is not imitated.
    """
    created = datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    settings = {
        "User": user,
        "ExposedPorts": {port: {} for port in sorted(exposed_ports)},
        "Env": _env(env or {}),
        "Entrypoint": list(entrypoint),
        "Cmd": list(cmd),
        "WorkingDir": working_dir,
        "Labels": dict(sorted((labels or {}).items())),
        "StopSignal": stop_signal,
    }
    diff_ids = [step.diff_id for step in steps if step.diff_id is not None]
    return _json(
        {
            "architecture": architecture,
            "config": {name: value for name, value in settings.items() if value},
            "created": created,
            "history": [_history(step, created) for step in steps],
            "os": "linux",
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
        }
    )


def _env(env: Mapping[str, str]) -> list[str]:
    """Return the environment in BuildKit's order: PATH, then as it was given."""
    ordered = sorted(env, key=lambda name: name != "PATH")
    return [f"{name}={env[name]}" for name in ordered]


def _history(step: Step, created: str) -> dict[str, Any]:
    entry: dict[str, Any] = {"created": created, "created_by": step.created_by}
    if step.comment is not None:
        entry["comment"] = step.comment
    if step.diff_id is None:
        entry["empty_layer"] = True
    return entry


def _json(data: object) -> bytes:
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False).encode()
