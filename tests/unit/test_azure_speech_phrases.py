"""Phrases as the service sends them, and the words and segments they become."""

from __future__ import annotations

from typing import Any

from shared.adapters.azure_speech.phrases import Account, Phrase, Timed, spelt, to_segments, with_voices
from shared.adapters.azure_speech.results import phrase_of

MS = 10_000  # ticks


def phrase(start: int, end: int, voice: str | None = "Guest-1", text: str = "Yes.") -> Phrase:
    return Phrase(start, end, voice, text, words=spelt(text, start, end, ()))


def result(**best: Any) -> dict[str, Any]:
    return {"Offset": 1000 * MS, "Duration": 900 * MS, "DisplayText": "At 25.", "NBest": [best]}


def word(spelling: str, text: str, start: int, end: int, **more: Any) -> dict[str, Any]:
    return {spelling: text, "Offset": start * MS, "Duration": (end - start) * MS, **more}


def heard(detail: dict[str, Any], **more: Any) -> Phrase:
    given: dict[str, Any] = {"offset": detail["Offset"], "voice": "Guest-1", "span_start_ms": 0}
    return phrase_of(detail, **(given | more))


# ---- words ---------------------------------------------------------------------------------------------------------


def test_words_are_as_written_and_as_sure_as_the_least_sure_spoken_one():
    spoken = [
        word("Word", "at", 1000, 1200, Confidence=0.9),
        word("Word", "twenty", 1300, 1500, Confidence=0.4),
        word("Word", "five", 1500, 1900, Confidence=0.8),
    ]
    written = [word("DisplayText", "At", 1000, 1200), word("DisplayText", "25.", 1300, 1900)]
    said = heard(result(Display="At 25.", Confidence=0.7, Words=spoken, DisplayWords=written))
    assert [(w.text, w.start_ms, w.end_ms, w.confidence) for w in said.words] == [
        ("At", 1000, 1200, 0.9),
        ("25.", 1300, 1900, 0.4),
    ]
    assert said.confidence == 0.7


def test_spoken_words_time_the_written_ones_where_there_are_as_many():
    spoken = [word("Word", "at", 1000, 1200), word("Word", "noon", 1300, 1900)]
    said = heard(result(Display="At noon.", Words=spoken))
    assert [(w.text, w.start_ms, w.end_ms) for w in said.words] == [("At", 1000, 1200), ("noon.", 1300, 1900)]


def test_words_that_cannot_be_matched_share_the_phrases_time():
    spoken = [word("Word", "twenty", 1300, 1500, Confidence=0.4)]
    said = heard(result(Display="At 25.", Words=spoken))
    assert [(w.text, w.confidence) for w in said.words] == [("At", None), ("25.", None)]
    assert (said.words[0].start_ms, said.words[-1].end_ms) == (1000, 1900)


def test_a_word_never_leaves_its_phrase():
    words = spelt("No.", 100, 200, [Timed(50, 400, "no")])
    assert [(w.start_ms, w.end_ms) for w in words] == [(100, 200)]


def test_times_are_the_sessions_wherever_the_connection_began():
    said = heard(
        result(Display="Yes.", Words=[word("Word", "yes", 1100, 1200)]), offset=3000 * MS, span_start_ms=60_000
    )
    assert (said.start_ms, said.end_ms) == (63_000, 63_900)
    assert said.words[0].start_ms == 63_100


def test_nobody_in_particular_has_no_voice():
    assert heard(result(Display="Yes."), voice="Unknown").voice is None
    assert heard(result(Display="Yes."), voice="").voice is None


# ---- voices --------------------------------------------------------------------------------------------------------


def test_speakers_are_numbered_in_order_of_first_word_whatever_they_are_called():
    segments = to_segments(
        [phrase(500, 900, "Guest-1"), phrase(0, 400, "Guest-2"), phrase(1000, 1400, "Guest-1")], 2000
    )
    assert [(s.id, s.speaker) for s in segments] == [("s1", "Speaker 1"), ("s2", "Speaker 2"), ("s3", "Speaker 2")]


def test_a_phrase_without_a_voice_is_its_nearest_neighbours():
    opening = [phrase(0, 400, None), phrase(500, 900, None), phrase(1000, 1400, "b"), phrase(3000, 3400, "a")]
    assert [p.voice for p in with_voices(opening)] == ["b", "b", "b", "a"]
    between = [phrase(0, 400, "a"), phrase(500, 600, None), phrase(900, 1400, "b")]
    assert [p.voice for p in with_voices(between)] == ["a", "a", "b"]
    closing = [phrase(0, 400, "a"), phrase(500, 900, None)]
    assert [p.voice for p in with_voices(closing)] == ["a", "a"]


def test_without_any_voice_there_is_one_speaker_and_all_of_the_text():
    segments = to_segments([phrase(0, 400, None), phrase(500, 900, None)], 1000)
    assert [s.speaker for s in segments] == ["Speaker 1", "Speaker 1"]


def test_nothing_is_said_after_the_end_of_the_audio():
    segments = to_segments([phrase(0, 400), phrase(800, 1300), phrase(1000, 1200)], 1000)
    assert [(s.start_ms, s.end_ms) for s in segments] == [(0, 400), (800, 1000)]
    assert segments[-1].words[-1].end_ms == 1000


# ---- connections ---------------------------------------------------------------------------------------------------


def test_what_a_broken_connection_gave_is_no_news_on_the_next():
    account = Account()
    account.reconnected()
    assert account.adds(phrase(0, 400))
    assert account.adds(phrase(500, 900))
    account.reconnected()
    assert not account.adds(phrase(450, 900))
    assert account.adds(phrase(850, 1400))


def test_two_phrases_of_one_connection_may_overlap():
    account = Account()
    assert account.adds(phrase(0, 1000, "a"))
    assert account.adds(phrase(300, 600, "b"))
