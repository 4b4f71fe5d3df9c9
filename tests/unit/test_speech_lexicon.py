import json
from pathlib import Path

import pytest

from shared.adapters.embedded_speech.lexicon import correct, likely_name, skeleton
from shared.domain.transcript import Word

DIALOGUE = Path(__file__).parent.parent / "data" / "speech" / "therapy_tts.json"


def heard(text: str, **doubts: float) -> list[Word]:
    """Words of 0.3 s, sure but for those given by name."""
    return [
        Word(start_ms=at * 300, end_ms=at * 300 + 300, text=word, confidence=doubts.get(word.strip(".,?"), 0.95))
        for at, word in enumerate(text.split())
    ]


def text_of(words: list[Word]) -> str:
    return " ".join(word.text for word in words)


def test_a_misheard_medicine_is_put_right():
    words = heard("still taking the search line your doctor prescribed?", line=0.25)
    assert text_of(correct(words)) == "still taking the sertraline your doctor prescribed?"


def test_the_corrected_word_keeps_time_punctuation_and_doubt():
    name = correct(heard("The dose of search line, then.", line=0.25))[3]
    assert name == Word(start_ms=900, end_ms=1500, text="sertraline,", confidence=0.25)


def test_a_brand_keeps_its_capital():
    assert text_of(correct(heard("a prescription for lexa pro.", lexa=0.3))) == "a prescription for Lexapro."


def test_words_the_recogniser_is_sure_of_are_left_alone():
    words = heard("I will search line by line for the dose")
    assert correct(words) == words


def test_where_nobody_speaks_of_medication_nothing_is_changed():
    words = heard("we had to search line after line", line=0.2)
    assert correct(words) == words


def test_a_sentence_border_is_never_read_across():
    words = heard("the dose we search. Line up", search=0.2, Line=0.2)
    assert correct(words) == words


@pytest.mark.parametrize(
    "said",
    [
        "confusion",
        "compressed",
        "franklin",
        "certainly",
        "snacks",
        "process",
        "to promote",
        "to permit",
        "sort of line",
    ],
)
def test_everyday_words_that_sound_a_little_alike_are_left_alone(said: str):
    words = heard(f"my dose {said} medication", **dict.fromkeys(said.split(), 0.1))
    assert correct(words) == words


def test_a_medicine_heard_right_is_left_alone():
    words = heard("my dose of sertraline", sertraline=0.1)
    assert correct(words) == words


def test_what_was_truly_said_is_never_changed_even_when_every_word_is_doubted():
    turns = [row[3] for row in json.loads(DIALOGUE.read_text())["segments"]]
    for turn in turns:
        words = [word.model_copy(update={"confidence": 0.1}) for word in heard(f"medication {turn} milligrams")]
        assert correct(words) == words


def test_a_phrase_the_caller_expects_is_put_right_without_talk_of_medication():
    words = heard("with Doctor Shrivastav.", Shrivastav=0.3)
    assert correct(words) == words
    assert text_of(correct(words, ["Shrivastava"])) == "with Doctor Shrivastava."


def test_what_sounds_alike_has_one_skeleton():
    assert skeleton("sertraline") == skeleton("search line") == "srCln"
    assert likely_name(["confusion"], {skeleton("confusion"): "guanfacine"}) is None
