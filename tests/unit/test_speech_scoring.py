import pytest

from tests.scoring import Turn, attributed_word_errors, diarization_errors, word_errors


def test_words_are_compared_as_they_are_said_not_as_they_are_spelt():
    assert word_errors("It's fifty milligrams, Dr. Patel.", "it is 50 milligrams doctor Patel").wrong == 0
    errors = word_errors("red green blue white", "red blue white black")
    assert (errors.wrong, errors.total) == (2, 4)


def test_silence_and_invention_count_whole():
    assert word_errors("so it is", "").wrong == 3
    assert word_errors("", "so it is").wrong == 3


def test_speakers_may_have_any_name_but_their_words_must_be_theirs():
    said = [("therapist", "how are you"), ("client", "well thank you"), ("therapist", "good")]
    assert attributed_word_errors(said, [("2", "how are you"), ("1", "well thank you"), ("2", "good")]).wrong == 0
    assert attributed_word_errors(said, [("2", "how are you"), ("1", "well thank you good")]).wrong == 2
    assert attributed_word_errors(said, [("1", "how are you well thank you good")]).wrong == 6


TWO = [Turn(0, 10, "a"), Turn(10, 20, "b")]


def test_names_of_speakers_do_not_matter():
    assert diarization_errors(TWO, [Turn(0, 10, "2"), Turn(10, 20, "1")]).wrong == 0


def test_missed_invented_and_confused_speech_add_up():
    heard = [Turn(1, 10, "1"), Turn(10, 18, "2"), Turn(18, 20, "1"), Turn(22, 23, "1")]
    assert diarization_errors(TWO, heard, collar=0).wrong == pytest.approx(1 + 2 + 1)
    assert diarization_errors(TWO, heard, collar=0).total == pytest.approx(20)


def test_a_collar_forgives_the_borders():
    heard = [Turn(0.2, 10.2, "1"), Turn(10.2, 19.8, "2")]
    assert diarization_errors(TWO, heard).wrong == pytest.approx(0)
    assert diarization_errors(TWO, heard).total == pytest.approx(20 - 4 * 0.25)


def test_people_who_talk_at_once_must_both_be_heard():
    together = [Turn(0, 10, "a"), Turn(5, 10, "b")]
    assert diarization_errors(together, [Turn(0, 10, "1")], collar=0).wrong == pytest.approx(5)
    assert diarization_errors(together, [Turn(0, 10, "1"), Turn(5, 10, "2")], collar=0).wrong == pytest.approx(0)
