"""The in-memory twin of Queues: messages wait in lists until someone takes them."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Mapping


class MemoryQueues:
    """Queues in memory; `take` is for whoever plays the host."""

    def __init__(self) -> None:
        self._waiting: defaultdict[str, deque[dict[str, str]]] = defaultdict(deque)
        self._delayed: defaultdict[str, deque[dict[str, str]]] = defaultdict(deque)

    async def send(self, queue: str, message: Mapping[str, str], *, delay_s: int = 0) -> None:
        """See Queues.send; a delayed message waits until no other is left."""
        (self._delayed if delay_s else self._waiting)[queue].append(dict(message))

    def take(self, queue: str) -> dict[str, str] | None:
        """The oldest message, removed; None when there is none."""
        ready = self._waiting[queue] or self._delayed[queue]
        return ready.popleft() if ready else None
