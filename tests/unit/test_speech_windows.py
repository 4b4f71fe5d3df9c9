from shared.adapters.embedded_speech.windows import LONGEST_S, MARGIN_S, PAUSE_S, in_windows
from shared.audio.flac import RATE

HOUR = 3600


def windows(*stretches: tuple[float, float], length: float = HOUR) -> list[tuple[float, float]]:
    """Windows without their margins, in seconds."""
    samples = [(int(start * RATE), int(end * RATE)) for start, end in stretches]
    found = in_windows(samples, int(length * RATE))
    return [(round(first / RATE + MARGIN_S, 3), round(last / RATE - MARGIN_S, 3)) for first, last in found]


def test_speech_is_heard_with_the_pauses_in_it():
    assert windows((3, 8), (9, 12), (13, 20)) == [(3, 20)]


def test_a_window_that_is_full_ends_in_a_pause():
    assert windows((1, 11), (12, 25), (26, 31), (32, 40)) == [(1, 25), (26, 40)]


def test_a_long_silence_is_heard_by_nobody():
    assert windows((1, 4), (4 + PAUSE_S, 12)) == [(1, 4), (4 + PAUSE_S, 12)]


def test_no_window_is_longer_than_what_is_heard_at_once():
    found = windows(*[(at, at + 2.5) for at in range(1, 600, 3)])
    assert all(end - start <= LONGEST_S for start, end in found)
    assert (found[0][0], found[-1][1]) == (1, 600.5)


def test_margins_stay_within_the_sound():
    assert in_windows([(0, 5 * RATE)], 5 * RATE) == [(0, 5 * RATE)]


def test_without_speech_there_is_nothing_to_hear():
    assert windows() == []
