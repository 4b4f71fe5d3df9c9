"""The in-memory twin of Queues: messages wait in lists until someone takes them."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Mapping


class MemoryQueues:
    """Queues in memory; `take` is for whoever plays the host."""

    def __init__(self) -> None:
        self._waiting: defaultdict[str, deque[dict[str, str]]] = defaultdict(deque)

    async def send(self, queue: str, message: Mapping[str, str], *, delay_s: int = 0) -> None:
        """See Queues.send; a delay only puts the message behind the others."""
        self._waiting[queue].append(dict(message))

    def take(self, queue: str) -> dict[str, str] | None:
        """The oldest message, removed; None when there is none."""
        return self._waiting[queue].popleft() if self._waiting[queue] else None
