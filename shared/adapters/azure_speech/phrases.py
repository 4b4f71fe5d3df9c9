"""What Azure hears, phrase by phrase, and the segments it becomes. Pure, no I/O."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest

from shared.domain.transcript import Segment, Word

AUTO = "auto"


@dataclass(frozen=True)
class Phrase:
    """What one voice said without a pause, in session time. `voice` is the service's label, None where it has none."""

    start_ms: int
    end_ms: int
    voice: str | None
    text: str
    confidence: float | None = None
    words: tuple[Word, ...] = ()
    locale: str | None = None

    @property
    def middle_ms(self) -> int:
        """Half-way through it."""
        return (self.start_ms + self.end_ms) // 2


class Account:
    """What has been said so far, over connections that may break: what comes again after that is no news."""

    def __init__(self) -> None:
        self._until_ms = 0
        self._before_ms = 0

    def reconnected(self) -> None:
        """From here on the service hears audio again from the last phrase on, or a little before."""
        self._before_ms = self._until_ms

    def adds(self, phrase: Phrase) -> bool:
        """Whether the phrase is new: most of it was said after all that an earlier connection gave."""
        if phrase.middle_ms < self._before_ms:
            return False
        self._until_ms = max(self._until_ms, phrase.end_ms)
        return True


@dataclass(frozen=True)
class Timed:
    """A word as the service timed it, in session time, in whatever spelling."""

    start_ms: int
    end_ms: int
    text: str
    confidence: float | None = None


def spelt(text: str, start_ms: int, end_ms: int, timed: Sequence[Timed]) -> tuple[Word, ...]:
    """The words of a phrase as it is written, each with its time and confidence.

    The service times words as they are spoken ("twenty five"), and writes them otherwise ("25."). Where the counts
    differ, the written words share the phrase's time by their length and have no confidence of their own.
    """
    written = text.split()
    if len(written) == len(timed):
        times = [(word.start_ms, word.end_ms, word.confidence) for word in timed]
    else:
        times = [(*span, None) for span in _shared_out(written, start_ms, end_ms)]
    return tuple(
        Word(
            start_ms=min(max(start, start_ms), end_ms),
            end_ms=min(max(end, start, start_ms), end_ms),
            text=word,
            confidence=confidence,
        )
        for word, (start, end, confidence) in zip(written, times, strict=True)
    )


def _shared_out(words: Sequence[str], start_ms: int, end_ms: int) -> Iterator[tuple[int, int]]:
    letters = sum(len(word) for word in words)
    read = 0
    for word in words:
        at, read = read, read + len(word)
        yield tuple(start_ms + (end_ms - start_ms) * n // letters for n in (at, read))  # type: ignore[misc]


def to_segments(phrases: Sequence[Phrase], end_ms: int) -> tuple[Segment, ...]:
    """Segments `s1`, `s2`, … in order of time, one a phrase; speakers in order of first word.

    `end_ms` is where the audio ends: a service may think that its last word goes on.
    """
    ordered = sorted(
        (cut_short for phrase in phrases if (cut_short := _within(phrase, end_ms)) is not None),
        key=lambda phrase: (phrase.start_ms, phrase.end_ms),
    )
    names: dict[str | None, str] = {}
    segments = []
    for number, phrase in enumerate(with_voices(ordered), start=1):
        speaker = names.setdefault(phrase.voice, f"Speaker {len(names) + 1}")
        segments.append(
            Segment(
                id=f"s{number}",
                start_ms=phrase.start_ms,
                end_ms=phrase.end_ms,
                speaker=speaker,
                text=phrase.text,
                confidence=phrase.confidence,
                words=phrase.words,
            )
        )
    return tuple(segments)


def with_voices(phrases: Sequence[Phrase]) -> list[Phrase]:
    """Phrases, in order of time, of which none is without a voice unless all are.

    A service leaves the first phrases of a conversation, and short ones, without a voice. A label of their own would
    make a person of them who was never there; the nearest phrase with a voice lends them its own, of two equally near
    the later one, since voices are known from some point on.
    """
    before = _last_known(phrases)
    after = _last_known(phrases[::-1])[::-1]
    return [_voiced(*around) for around in zip_longest(phrases, before, after)]


def _last_known(phrases: Sequence[Phrase]) -> list[Phrase | None]:
    """For each phrase the latest one, up to it, that has a voice."""
    known: list[Phrase | None] = []
    for phrase in phrases:
        known.append(phrase if phrase.voice is not None or not known else known[-1])
    return [phrase if phrase is not None and phrase.voice is not None else None for phrase in known]


def _voiced(phrase: Phrase, before: Phrase | None, after: Phrase | None) -> Phrase:
    near = [neighbour for neighbour in (after, before) if neighbour is not None]
    if phrase.voice is not None or not near:
        return phrase
    nearest = min(near, key=lambda other: max(other.start_ms - phrase.end_ms, phrase.start_ms - other.end_ms))
    return replace(phrase, voice=nearest.voice)


def _within(phrase: Phrase, end_ms: int) -> Phrase | None:
    """The phrase as far as it can have been said."""
    if phrase.start_ms >= end_ms or not phrase.text.strip():
        return None
    words = tuple(
        word.model_copy(update={"start_ms": min(word.start_ms, end_ms), "end_ms": min(word.end_ms, end_ms)})
        for word in phrase.words
    )
    end = min(max(phrase.end_ms, phrase.start_ms + 1), end_ms)
    return replace(phrase, end_ms=end, words=words)


def locales_of(locale: str, candidates: Sequence[str]) -> Sequence[str]:
    """The languages to listen for: the session's, or for `auto` those it may be."""
    return candidates if locale == AUTO else (locale,)


def spoken(phrases: Iterable[Phrase], otherwise: str) -> str:
    """The language of most phrases."""
    heard = Counter(phrase.locale for phrase in phrases if phrase.locale is not None)
    return max(heard, key=heard.__getitem__, default=otherwise)
