"""From words and turns to a transcript's segments: who said which word, and where one segment ends. Pure, no I/O."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise

from shared.adapters.embedded_speech.smooth import Turn
from shared.domain.transcript import Segment, Word

SENTENCE_ENDS = (".", "?", "!", "…")
ABBREVIATIONS = frozenset({"dr.", "mr.", "mrs.", "ms.", "prof.", "st.", "vs.", "e.g.", "i.e."})
"""They end in a full stop and no sentence does."""

PAUSE_MS = 1500
"""Silence that ends a segment even within a sentence."""

LONGEST_MS = 15_000
"""A segment that lasts longer is parted at its longest pause."""

SPOKEN_MS = 400
"""A word's last part. Recognisers let the first word of a sentence begin in the silence, or the speech, before it."""


def to_segments(words: Sequence[Word], turns: Sequence[Turn]) -> tuple[Segment, ...]:
    """Segments `s1`, `s2`, … in order of time: a sentence each, or a part of one, of one speaker.

    Speakers are `Speaker 1`, `Speaker 2`, … in order of first word; without turns everything is `Speaker 1`'s.
    """
    voices = voices_of(words, turns)
    names: dict[int, str] = {}
    for voice in voices:
        names.setdefault(voice, f"Speaker {len(names) + 1}")
    runs = groupby(zip(words, voices, strict=True), key=lambda pair: pair[1])
    parts = ((names[voice], part) for voice, run in runs for part in _parts([word for word, _ in run]))
    return tuple(_segment(f"s{number}", speaker, part) for number, (speaker, part) in enumerate(parts, start=1))


def voices_of(words: Sequence[Word], turns: Sequence[Turn]) -> list[int]:
    """Each word's voice: whose turn covers most of its last part, else whose turn is nearest.

    Turns come in order of time. A change of voice one word from the start or end of a sentence belongs there: turns
    are told apart to a tenth of a second, and people take turns between sentences.
    """
    if not turns:
        return [0] * len(words)
    ends = [turn.end_ms for turn in turns]
    heard = [_voice_of(word, turns, ends) for word in words]
    for at in range(1, len(words)):
        if heard[at] == heard[at - 1] or ends_sentence(words[at - 1]):
            continue
        if at == 1 or ends_sentence(words[at - 2]):
            heard[at - 1] = heard[at]
        elif ends_sentence(words[at]):
            heard[at] = heard[at - 1]
    return heard


def ends_sentence(word: Word) -> bool:
    """Whether a sentence ends with this word."""
    return word.text.endswith(SENTENCE_ENDS) and word.text.lower() not in ABBREVIATIONS


def _voice_of(word: Word, turns: Sequence[Turn], ends: Sequence[int]) -> int:
    start = max(word.start_ms, word.end_ms - SPOKEN_MS)
    first = bisect_left(ends, start)
    near = turns[max(0, first - 1) : first + 3]
    return max(near, key=lambda turn: min(turn.end_ms, word.end_ms) - max(turn.start_ms, start)).voice


def _parts(words: Sequence[Word]) -> Iterator[Sequence[Word]]:
    """One speaker's words, cut at sentence ends and pauses, and again where that leaves too much."""
    start = 0
    for index, (word, following) in enumerate(pairwise(words), start=1):
        if ends_sentence(word) or following.start_ms - word.end_ms >= PAUSE_MS:
            yield from _shortened(words[start:index])
            start = index
    yield from _shortened(words[start:])


def _shortened(words: Sequence[Word]) -> Iterator[Sequence[Word]]:
    """Halves at the longest pause (of equal ones, the one nearest the middle) until none is too long."""
    if len(words) < 2 or words[-1].end_ms - words[0].start_ms <= LONGEST_MS:  # noqa: PLR2004 (one word has no pause)
        yield words
        return

    def pause(cut: int) -> tuple[int, int]:
        return words[cut].start_ms - words[cut - 1].end_ms, -abs(2 * cut - len(words))

    cut = max(range(1, len(words)), key=pause)
    yield from _shortened(words[:cut])
    yield from _shortened(words[cut:])


def _segment(segment_id: str, speaker: str, words: Sequence[Word]) -> Segment:
    sure = [word.confidence for word in words if word.confidence is not None]
    return Segment(
        id=segment_id,
        start_ms=words[0].start_ms,
        end_ms=max(word.end_ms for word in words),
        speaker=speaker,
        text=" ".join(word.text for word in words),
        confidence=round(sum(sure) / len(sure), 3) if sure else None,
        words=tuple(words),
    )
