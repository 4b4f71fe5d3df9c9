"""A final result of the Speech SDK as a phrase. Pure, no I/O."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from shared.adapters.azure_speech.phrases import Phrase, Timed, spelt

TICKS_PER_MS = 10_000
"""The service counts in 100 nanoseconds."""

UNKNOWN = frozenset({"", "Unknown"})
"""Labels that stand for nobody in particular."""


def phrase_of(
    detail: dict[str, Any], *, offset: int, voice: str, span_start_ms: int, locale: str | None = None
) -> Phrase:
    """A phrase from the result's JSON (`format=detailed`, with word timings).

    `offset` is the result's own, in ticks from the start of the span; offsets in the JSON are counted from wherever
    the present connection began, so they serve only to place words within the phrase.
    """
    shift = offset - int(detail["Offset"])

    def ms(ticks: int) -> int:
        return span_start_ms + (ticks + shift) // TICKS_PER_MS

    best = (detail.get("NBest") or [{}])[0]
    text = str(best.get("Display") or detail.get("DisplayText") or "").strip()
    start, end = ms(int(detail["Offset"])), ms(int(detail["Offset"]) + int(detail["Duration"]))
    spoken = [_timed(word, "Word", ms) for word in best.get("Words") or ()]
    written = [_timed(word, "DisplayText", ms) for word in best.get("DisplayWords") or ()]
    timed = [_sure(word, spoken) for word in written] if written else spoken
    return Phrase(
        start_ms=start,
        end_ms=end,
        voice=None if voice in UNKNOWN else voice,
        text=text,
        confidence=best.get("Confidence"),
        words=spelt(text, start, end, timed),
        locale=locale,
    )


def _timed(word: dict[str, Any], spelling: str, ms: Any) -> Timed:
    offset = int(word["Offset"])
    return Timed(ms(offset), ms(offset + int(word["Duration"])), str(word[spelling]), word.get("Confidence"))


def _sure(word: Timed, spoken: Sequence[Timed]) -> Timed:
    """A written word, as sure as the least sure of the spoken ones it stands for."""
    sure = [
        other.confidence
        for other in spoken
        if other.confidence is not None and word.start_ms <= (other.start_ms + other.end_ms) // 2 <= word.end_ms
    ]
    return Timed(word.start_ms, word.end_ms, word.text, min(sure, default=word.confidence))
