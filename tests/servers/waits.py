"""Waits that take no time, and are remembered."""

from __future__ import annotations

from shared.adapters.azure_calls import Patience


class Waits:
    """Stands where a clock would."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def sleep(self, seconds: float) -> None:
        """Pass at once."""
        self.seconds.append(seconds)

    def patience(self, retries: int = 2) -> Patience:
        """Patience that waits here."""
        return Patience(retries=retries, first_wait_s=1, longest_wait_s=30, sleep=self.sleep)
