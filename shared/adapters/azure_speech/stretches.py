"""A long session heard in stretches that overlap, side by side, and put together again. Pure, no I/O.

The service takes audio at twice the speed of speech, so four hours would take two. It also numbers voices anew in
each conversation: only what two stretches both heard tells which voice is which.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from shared.adapters.azure_speech.phrases import Phrase


@dataclass(frozen=True)
class Span:
    """From `start_ms` up to `end_ms` of the session."""

    start_ms: int
    end_ms: int


@dataclass(frozen=True)
class Stretch:
    """What was heard from `start_ms` up to `end_ms` of the session, in one conversation with the service."""

    start_ms: int
    end_ms: int
    phrases: Sequence[Phrase]


def spans(duration_ms: int, longest_ms: int, overlap_ms: int) -> list[Span]:
    """As few equal spans as cover the session, none longer than `longest_ms`, each `overlap_ms` into the next."""
    count = max(1, -(-(duration_ms - overlap_ms) // (longest_ms - overlap_ms)))
    step = -(-(duration_ms - overlap_ms) // count)
    return [Span(n * step, min(n * step + step + overlap_ms, duration_ms)) for n in range(count)]


def join(stretches: Iterable[Stretch]) -> list[Phrase]:
    """The phrases of the whole session, each once, voices named alike throughout. Stretches come in order of time."""
    joined: list[Phrase] = []
    end_ms = 0
    for number, stretch in enumerate(stretches):
        known = [phrase for phrase in joined if phrase.end_ms > stretch.start_ms]
        fresh = _renamed(stretch, known, end_ms, {phrase.voice for phrase in joined}, number)
        seam = _seam(known, fresh, stretch.start_ms, end_ms)
        joined = [part for phrase in joined if (part := _part(phrase, 0, seam)) is not None]
        joined += [part for phrase in fresh if (part := _part(phrase, seam, sys.maxsize)) is not None]
        end_ms = stretch.end_ms
    return joined


def _renamed(
    stretch: Stretch, known: Sequence[Phrase], until_ms: int, taken: set[str | None], number: int
) -> list[Phrase]:
    """The stretch's phrases with the voices of the session so far."""
    fresh = sorted(stretch.phrases, key=lambda phrase: phrase.start_ms)
    same = _same_voices(known, [phrase for phrase in fresh if phrase.start_ms < until_ms])
    new = dict.fromkeys(phrase.voice for phrase in fresh if phrase.voice not in same)
    left = [voice for voice in taken if voice is not None and voice not in same.values()]
    unknown = [voice for voice in new if voice is not None]
    if len(left) == len(unknown) == 1:  # of the voices that kept silent in the overlap there was one, and is one
        same[unknown[0]] = left[0]
    names = {voice: f"{number}/{voice}" for voice in unknown} | same
    return [replace(phrase, voice=phrase.voice and names[phrase.voice]) for phrase in fresh]


def _same_voices(known: Sequence[Phrase], fresh: Sequence[Phrase]) -> dict[str, str]:
    """A stretch's label to the session's, by the time both were heard speaking; each at most once."""
    together: Counter[tuple[str, str]] = Counter()
    for a in known:
        for b in fresh:
            shared = min(a.end_ms, b.end_ms) - max(a.start_ms, b.start_ms)
            if shared > 0 and a.voice is not None and b.voice is not None:
                together[b.voice, a.voice] += shared
    same: dict[str, str] = {}
    for (voice, session_voice), _ in together.most_common():
        if voice not in same and session_voice not in same.values():
            same[voice] = session_voice
    return same


def _seam(known: Sequence[Phrase], fresh: Sequence[Phrase], start_ms: int, end_ms: int) -> int:
    """Where one account ends and the other begins: in a pause that both heard, as near the middle as can be."""
    middle = (start_ms + end_ms) // 2
    pauses = _pauses([*known, *fresh], start_ms, end_ms)
    return min((sum(pause) // 2 for pause in pauses), key=lambda at: abs(at - middle), default=middle)


def _pauses(phrases: Sequence[Phrase], start_ms: int, end_ms: int) -> Iterator[tuple[int, int]]:
    """Stretches of time between two edges in which nobody speaks."""
    quiet_from = start_ms
    for phrase in sorted(phrases, key=lambda phrase: phrase.start_ms):
        if phrase.start_ms >= end_ms:
            break
        if phrase.start_ms > quiet_from:
            yield quiet_from, phrase.start_ms
        quiet_from = max(quiet_from, phrase.end_ms)
    if quiet_from < end_ms:
        yield quiet_from, end_ms


def _part(phrase: Phrase, from_ms: int, until_ms: int) -> Phrase | None:
    """The words of a phrase that are said between two times; None where there is not one."""
    words = tuple(word for word in phrase.words if from_ms <= (word.start_ms + word.end_ms) // 2 < until_ms)
    if len(words) == len(phrase.words):
        return phrase if words else None
    if not words:
        return None
    return replace(
        phrase,
        start_ms=words[0].start_ms,
        end_ms=max(word.end_ms for word in words),
        text=" ".join(word.text for word in words),
        words=words,
    )
