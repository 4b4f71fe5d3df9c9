"""Long sessions are heard in overlapping stretches: together they say everything once, by the same voices."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.azure_speech.phrases import Phrase, spelt
from shared.adapters.azure_speech.stretches import Span, Stretch, join, spans

HOUR = 3_600_000


def said(n: int, voice: str | None) -> Phrase:
    """Sentence n of a talk, a second every two seconds."""
    text = f"This is sentence {n}."
    start, end = n * 2000, n * 2000 + 1000
    return Phrase(start, end, voice, text, words=spelt(text, start, end, ()))


def talk(sentences: int, voices: str = "ab") -> list[Phrase]:
    return [said(n, voices[n % len(voices)]) for n in range(sentences)]


def heard(whole: list[Phrase], start_ms: int, end_ms: int, names: dict[str, str]) -> Stretch:
    """What a conversation from `start_ms` to `end_ms` makes of it: voices called otherwise, words cut at its edges."""
    phrases = []
    for phrase in whole:
        words = tuple(w for w in phrase.words if w.start_ms >= start_ms and w.end_ms <= end_ms)
        if words:
            text = " ".join(word.text for word in words)
            phrases.append(
                replace(phrase, start_ms=words[0].start_ms, end_ms=words[-1].end_ms, text=text, words=words,
                        voice=phrase.voice and names[phrase.voice])
            )  # fmt: skip
    return Stretch(start_ms, end_ms, phrases)


@pytest.mark.parametrize(("hours", "count"), [(0.5, 1), (1, 1), (1.01, 2), (2, 3), (4, 5)])
def test_spans_cover_everything_with_overlap_and_none_is_too_long(hours, count):
    parts = spans(int(hours * HOUR), HOUR, 180_000)
    assert len(parts) == count
    assert (parts[0].start_ms, parts[-1].end_ms) == (0, int(hours * HOUR))
    assert all(part.end_ms - part.start_ms <= HOUR for part in parts)
    assert all(a.end_ms - b.start_ms == 180_000 for a, b in pairwise(parts))


def test_the_shortest_audio_is_one_span():
    assert spans(1, HOUR, 180_000) == [Span(0, 1)]


@given(st.integers(6, 60), st.integers(12_000, 30_000), st.lists(st.booleans(), min_size=20, max_size=20))
def test_everything_is_said_once_and_by_whom(sentences, longest, swapped):
    whole = talk(sentences)
    end = whole[-1].end_ms
    names = [{"a": "y", "b": "x"} if swap else {"a": "x", "b": "y"} for swap in swapped]
    parts = spans(end, longest, 6_000)
    joined = join(heard(whole, part.start_ms, part.end_ms, name) for part, name in zip(parts, names, strict=False))
    assert " ".join(phrase.text for phrase in joined) == " ".join(phrase.text for phrase in whole)
    voices = list(dict.fromkeys(phrase.voice for phrase in joined))
    assert len(voices) == 2
    assert ["ab"[voices.index(phrase.voice)] for phrase in joined] == [phrase.voice for phrase in whole]


def test_a_voice_that_kept_silent_in_the_overlap_is_the_one_that_is_left():
    before = Stretch(0, 20_000, [said(0, "a"), said(5, "b"), said(9, "b")])
    after = Stretch(14_000, 40_000, [said(9, "x"), said(12, "y"), said(15, "x")])
    joined = join([before, after])
    voices = [phrase.voice for phrase in joined]
    assert [voices.index(voice) for voice in voices] == [0, 1, 1, 0, 1]


def test_a_third_voice_is_a_third_voice():
    before = Stretch(0, 20_000, [said(8, "a"), said(9, "b")])
    after = Stretch(14_000, 40_000, [said(8, "x"), said(9, "y"), said(12, "z")])
    assert len({phrase.voice for phrase in join([before, after])}) == 3


def test_speech_without_a_pause_is_parted_between_two_words():
    words = " ".join(f"word{n}" for n in range(200))
    whole = [Phrase(0, 40_000, "a", words, words=spelt(words, 0, 40_000, ()))]
    joined = join([heard(whole, 0, 25_000, {"a": "x"}), heard(whole, 15_000, 40_000, {"a": "y"})])
    assert " ".join(phrase.text for phrase in joined) == words


def test_silence_joined_is_silence():
    assert join([Stretch(0, 20_000, []), Stretch(14_000, 40_000, [])]) == []
