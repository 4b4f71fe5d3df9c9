"""A transcript as a partner sends it, checked and made one of ours."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints, model_validator

from functions.http.fields import CamelModel, Text
from shared.domain.errors import TooLarge
from shared.domain.transcript import Segment, Transcript, Word

MAX_MS = 24 * 60 * 60 * 1000
MAX_UTTERANCES = 20_000
MAX_WORDS = 200_000
MAX_BYTES = 600_000
"""Of all utterances' text in UTF-8: encrypted, text and note fit an item of the database. A spoken hour is 60,000."""

Ms = Annotated[int, Field(ge=0, le=MAX_MS)]
Language = Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$")]
Speaker = Annotated[Text, StringConstraints(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f<>:]+$")]


class _Timed(CamelModel):
    """Milliseconds from the start of the session."""

    start: Ms
    end: Ms

    @model_validator(mode="after")
    def _in_order(self) -> _Timed:
        if self.end < self.start:
            raise ValueError("end must not be before start")
        return self


class WordGiven(_Timed):
    """One word."""

    text: Annotated[Text, StringConstraints(max_length=1000)]


class UtteranceGiven(_Timed):
    """What one speaker says in one go."""

    text: Annotated[Text, StringConstraints(max_length=100_000)]
    speaker: Speaker
    words: list[WordGiven] | None = Field(default=None, max_length=20_000)


class TranscriptGiven(CamelModel):
    """Utterances in any order; they are put in order of time."""

    utterances: list[UtteranceGiven] = Field(min_length=1, max_length=MAX_UTTERANCES)


def taken(given: TranscriptGiven, language: str | None) -> Transcript:
    """As ours: a segment for each utterance. Raises: TooLarge."""
    words = sum(len(utterance.words or ()) for utterance in given.utterances)
    if words > MAX_WORDS or sum(len(utterance.text.encode()) for utterance in given.utterances) > MAX_BYTES:
        raise TooLarge(f"a transcript may have {MAX_BYTES} bytes of text and {MAX_WORDS} timed words at most")
    ordered = sorted(given.utterances, key=lambda utterance: (utterance.start, utterance.end))
    return Transcript(
        segments=tuple(_segment(n, utterance) for n, utterance in enumerate(ordered, start=1)),
        duration_ms=max(utterance.end for utterance in ordered),
        locale=language or "en-US",
        engine="given",
    )


def _segment(number: int, utterance: UtteranceGiven) -> Segment:
    words = [Word(start_ms=word.start, end_ms=word.end, text=word.text) for word in utterance.words or ()]
    return Segment(
        id=f"u{number}",
        start_ms=utterance.start,
        end_ms=utterance.end,
        speaker=utterance.speaker,
        text=utterance.text,
        words=tuple(words),
    )
