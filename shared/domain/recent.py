"""What was looked up a moment ago, kept for a moment."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Generic, TypeVar

V = TypeVar("V")


@dataclass
class Recent(Generic[V]):
    """Values by key. None outlives `ttl`; beyond `capacity` the least recently used makes room."""

    ttl: timedelta
    capacity: int
    _entries: OrderedDict[str, tuple[datetime, V]] = field(default_factory=OrderedDict, repr=False)

    def get(self, key: str, now: datetime) -> V | None:
        """The value, or None when there is none or it has expired."""
        entry = self._entries.get(key)
        if entry is None or entry[0] <= now:
            self._entries.pop(key, None)
            return None
        self._entries.move_to_end(key)
        return entry[1]

    def put(self, key: str, value: V, now: datetime) -> None:
        """Keep a value from now on."""
        self._entries[key] = (now + self.ttl, value)
        self._entries.move_to_end(key)
        while len(self._entries) > self.capacity:
            self._entries.popitem(last=False)

    def forget(self, key: str) -> None:
        """Drop a value; dropping what is not there is fine."""
        self._entries.pop(key, None)
