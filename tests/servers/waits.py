"""Waits that take no time, and are remembered."""

from __future__ import annotations

from shared.adapters.azure_answers import Patience


class Waits:
    """Stands where a clock would."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def sleep(self, seconds: float) -> None:
        """Pass at once."""
        self.seconds.append(seconds)

    def patience(self, attempts: int = 3) -> Patience:
        """Patience that waits here."""
        return Patience(attempts, first_wait_s=1, longest_wait_s=30, sleep=self.sleep)
