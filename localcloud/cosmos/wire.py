"""Requests and answers, as far as they matter to the emulator."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from localcloud.cosmos.errors import bad_request


@dataclass(frozen=True)
class WireRequest:
    """A request: the path's unquoted segments, headers (names in any case), the body's bytes."""

    method: str
    segments: list[str]
    headers: Mapping[str, str]
    body: bytes
    base_url: str

    def flag(self, header: str) -> bool:
        """Whether a header says true."""
        return self.headers.get(header, "").lower() == "true"

    def json(self) -> Any:
        """Return the body's JSON. Raises: CosmosError 400 when it is none."""
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise bad_request("The request body is not JSON.") from error


@dataclass(frozen=True)
class WireResponse:
    """An answer: `body` is JSON text, `charge` goes out as x-ms-request-charge."""

    status: int
    body: str | None = None
    charge: float = 1.0
    headers: dict[str, str] = field(default_factory=dict)
