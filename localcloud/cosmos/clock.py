"""The emulator's time: the machine's, and what a test has moved it on by."""

import time


class Clock:
    """Seconds since 1970. It can be moved on, never back: what has expired stays so."""

    def __init__(self) -> None:
        self._ahead = 0.0

    def now(self) -> float:
        """The time it is taken to be."""
        return time.time() + self._ahead

    def move(self, seconds: float) -> None:
        """Let so many seconds pass at once. Raises: ValueError when there are less than none."""
        if seconds < 0:
            raise ValueError("time does not go back")
        self._ahead += seconds
