"""Progress over several spans of a session."""

from __future__ import annotations

from shared.adapters.azure_speech.stretches import Span
from shared.ports import Progress


class Told:
    """Progress over several spans that are heard side by side: what they have done together."""

    def __init__(self, duration_ms: int, progress: Progress | None) -> None:
        self._duration_ms = duration_ms
        self._progress = progress
        self._done: dict[Span, int] = {}
        self._told_ms = 0

    def reached(self, span: Span, until_ms: int) -> None:
        """A span has been heard up to a time of the session."""
        self._done[span] = max(self._done.get(span, 0), until_ms - span.start_ms)
        self._tell(sum(self._done.values()))

    def all(self) -> None:
        """Everything has been heard."""
        self._tell(self._duration_ms)

    def _tell(self, done_ms: int) -> None:
        done_ms = min(done_ms, self._duration_ms)
        if done_ms > self._told_ms and self._progress is not None:
            self._told_ms = done_ms
            self._progress(done_ms)
