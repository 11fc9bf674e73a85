"""What a user's function may ask about the request and the model it has to do with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, kw_only=True, slots=True)
class Context:
    """The `context` argument, with the names that model servers give it."""

    model_dir: str
    device: str
    headers: Mapping[str, str] = field(default_factory=dict)
    """The request's, by lower-case name."""
    request_id: str = ""

    @property
    def system_properties(self) -> dict[str, str | None]:
        """Return the model's folder and the GPU's number, None without one."""
        _, _, gpu = self.device.partition("cuda:")
        return {"model_dir": self.model_dir, "gpu_id": gpu or None}

    def get_request_header(self, index: int, name: str) -> str | None:  # noqa: ARG002 - one request a call
        """Return a header of the request; the index is the place in a batch, always 0 here."""
        return self.headers.get(name.lower())

    def get_all_request_header(self, index: int) -> dict[str, str]:  # noqa: ARG002
        """Return all headers of the request."""
        return dict(self.headers)

    def get_request_id(self, index: int = 0) -> str:  # noqa: ARG002
        """Return the request's id, as the log and the answer's header have it."""
        return self.request_id
