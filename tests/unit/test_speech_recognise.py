from shared.adapters.embedded_speech.recognise import noisy, surer
from shared.domain.transcript import Word


def words(*sure: float | None) -> list[Word]:
    return [Word(start_ms=n * 300, end_ms=n * 300 + 200, text="word", confidence=at) for n, at in enumerate(sure)]


def test_speech_with_one_unsure_word_in_twenty_is_heard_once():
    assert not noisy(words(*[0.9] * 57, 0.2, 0.3, 0.4))


def test_speech_with_more_unsure_words_is_heard_again():
    assert noisy(words(*[0.9] * 56, 0.2, 0.3, 0.4))


def test_two_unsure_words_of_a_short_recording_are_chance():
    assert not noisy(words(*[0.9] * 8, 0.2, 0.4))


def test_silence_is_not_heard_again():
    assert not noisy([])


def test_the_surer_hearing_is_kept():
    doubtful, sure = words(0.9, 0.3, 0.9), words(0.9, 0.8, 0.7)
    assert surer(doubtful, sure) is sure
    assert surer(sure, doubtful) is sure


def test_a_hearing_that_leaves_words_out_is_not_kept_however_sure():
    first = words(*[0.6] * 20)
    assert surer(first, words(*[0.99] * 17)) is first
    assert surer(first, []) is first


def test_words_of_unknown_probability_are_taken_as_they_are():
    assert not noisy(words(None, None))
