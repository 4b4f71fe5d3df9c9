from shared.adapters.embedded_speech.assign import LONGEST_MS, to_segments, voices_of
from shared.adapters.embedded_speech.smooth import Turn
from shared.domain.transcript import Word


def spoken(text: str, start_ms: int = 0, each_ms: int = 300, confidence: float | None = 0.9) -> list[Word]:
    return [
        Word(start_ms=start_ms + at * each_ms, end_ms=start_ms + (at + 1) * each_ms, text=word, confidence=confidence)
        for at, word in enumerate(text.split())
    ]


def lines(words: list[Word], turns: list[Turn]) -> list[str]:
    return [f"{segment.speaker}: {segment.text}" for segment in to_segments(words, turns)]


def test_speakers_are_numbered_in_order_of_first_word():
    words = spoken("How are you?") + spoken("Fine.", 1000)
    assert lines(words, [Turn(0, 900, 1), Turn(1000, 1300, 0)]) == ["Speaker 1: How are you?", "Speaker 2: Fine."]


def test_without_turns_all_text_is_kept_with_one_speaker():
    words = spoken("How are you? Fine.")
    assert lines(words, []) == ["Speaker 1: How are you?", "Speaker 1: Fine."]


def test_silence_gives_no_segments():
    assert to_segments([], []) == ()
    assert to_segments([], [Turn(0, 1000, 0)]) == ()


def test_segments_have_ids_times_confidence_and_their_words():
    first, second = to_segments([*spoken("Good morning."), *spoken("Yes.", 800, confidence=0.5)], [])
    assert (first.id, first.start_ms, first.end_ms, first.confidence) == ("s1", 0, 600, 0.9)
    assert (second.id, second.start_ms, second.end_ms, second.confidence) == ("s2", 800, 1100, 0.5)
    assert [word.text for word in first.words] == ["Good", "morning."]


def test_a_word_outside_all_turns_goes_to_the_nearest():
    turns = [Turn(0, 1000, 0), Turn(3000, 4000, 1)]
    assert voices_of(spoken("so", 1100), turns) == [0]
    assert voices_of(spoken("so", 2600), turns) == [1]
    assert voices_of(spoken("so", 9000), turns) == [1]


def test_a_first_word_that_begins_in_the_silence_before_is_not_given_to_the_last_speaker():
    turns = [Turn(0, 1000, 0), Turn(1900, 3000, 1)]
    words = [*spoken("Really?", 700), Word(start_ms=1000, end_ms=2050, text="I"), *spoken("did.", 2050)]
    assert voices_of(words, turns) == [0, 1, 1]


def test_a_change_one_word_off_a_sentence_moves_to_its_border():
    words = spoken("How are you? I am fine.")
    assert voices_of(words, [Turn(0, 1200, 0), Turn(1200, 1800, 1)]) == [0, 0, 0, 1, 1, 1]
    assert voices_of(words, [Turn(0, 600, 0), Turn(600, 1800, 1)]) == [0, 0, 0, 1, 1, 1]


def test_an_answer_of_one_word_stays_with_who_gave_it():
    words = spoken("Are you well? Yes. Good to hear.")
    assert voices_of(words, [Turn(0, 900, 0), Turn(900, 1200, 1), Turn(1200, 2100, 0)]) == [0, 0, 0, 1, 0, 0, 0]


def test_a_change_in_the_middle_of_a_sentence_is_kept():
    words = spoken("well I think that no I never said so.")
    assert voices_of(words, [Turn(0, 1200, 0), Turn(1200, 2700, 1)]) == [0] * 4 + [1] * 5


def test_a_doctor_does_not_end_a_sentence():
    assert lines(spoken("Call Dr. Patel today."), []) == ["Speaker 1: Call Dr. Patel today."]


def test_a_long_pause_ends_a_segment_within_a_sentence():
    words = spoken("I was thinking") + spoken("about work.", 4000)
    assert lines(words, []) == ["Speaker 1: I was thinking", "Speaker 1: about work."]


def test_speech_without_end_is_parted_at_its_longest_pauses():
    words = spoken(" ".join(["and"] * 40)) + spoken(" ".join(["then"] * 40), 12_400)
    segments = to_segments(words, [])
    assert [segment.text for segment in segments] == [" ".join(["and"] * 40), " ".join(["then"] * 40)]
    assert all(segment.end_ms - segment.start_ms <= LONGEST_MS for segment in segments)


def test_no_word_is_lost_or_moved():
    words = spoken(" ".join(f"w{at}{'.' if at % 7 == 0 else ''}" for at in range(300)))
    turns = [Turn(at * 2000, at * 2000 + 1700, at % 3) for at in range(45)]
    assert [word for segment in to_segments(words, turns) for word in segment.words] == words
