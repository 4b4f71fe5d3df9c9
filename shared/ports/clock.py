"""The time, as the use cases see it."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """The time, as an argument, so that midnight and expiry can be tested."""

    def now(self) -> datetime:
        """The current time, timezone-aware, UTC."""
        ...
