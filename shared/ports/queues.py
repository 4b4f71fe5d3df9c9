"""Messages that start background work."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class Queues(Protocol):
    """Messages that start background work. They carry ids, never content."""

    async def send(self, queue: str, message: Mapping[str, str], *, delay_s: int = 0) -> None:
        """Add a JSON message, visible after `delay_s` seconds."""
        ...
