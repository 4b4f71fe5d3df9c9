from faster_whisper.transcribe import Segment as Passage
from faster_whisper.transcribe import Word as Heard

from shared.adapters.embedded_speech.recognise import doubtful


def passage(words: int, *, likely: float = -0.2, shrinks: float = 1.5) -> Passage:
    heard = [Heard(start=n / 3, end=(n + 1) / 3, word=" word", probability=0.9) for n in range(words)]
    return Passage(
        id=1,
        seek=0,
        start=0,
        end=words / 3,
        text=" word" * words,
        tokens=[],
        avg_logprob=likely,
        compression_ratio=shrinks,
        no_speech_prob=0,
        words=heard,
        temperature=0,
    )


def test_fluent_speech_is_heard_once():
    assert not doubtful([passage(60)], 25)


def test_a_loop_is_heard_again():
    assert doubtful([passage(60, shrinks=3)], 25)


def test_what_is_unlikely_is_heard_again():
    assert doubtful([passage(60, likely=-1.2)], 25)


def test_a_window_that_ends_before_its_speech_is_heard_again():
    assert doubtful([passage(5)], 25)
    assert doubtful([], 25)
