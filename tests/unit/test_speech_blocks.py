import numpy as np

from shared.adapters.embedded_speech.blocks import LONGEST_S, Block, cut_at_silence
from shared.audio.flac import RATE


def stretches(audio: np.ndarray) -> list[tuple[int, int]]:
    """Speech is whatever is not zero."""
    loud = np.concatenate([[0], (audio != 0).astype(int), [0]])
    return list(zip(np.flatnonzero(np.diff(loud) == 1), np.flatnonzero(np.diff(loud) == -1), strict=True))


def cut(audio: np.ndarray) -> list[Block]:
    pieces = (audio[at : at + 7 * RATE] for at in range(0, len(audio), 7 * RATE))
    return list(cut_at_silence(pieces, stretches))


def talk(seconds: int, *pauses: tuple[float, float]) -> np.ndarray:
    audio = np.random.default_rng(0).uniform(0.1, 1, seconds * RATE).astype(np.float32)
    for start, end in pauses:
        audio[int(start * RATE) : int(end * RATE)] = 0
    return audio


def test_blocks_join_to_the_same_audio_and_know_where_they_start():
    audio = talk(2 * LONGEST_S + 20, (40, 41), (140, 141), (250, 252))
    blocks = cut(audio)
    assert np.array_equal(np.concatenate([block.samples for block in blocks]), audio)
    assert [block.start_ms for block in blocks] == [0, *(block.end_ms for block in blocks[:-1])]


def test_a_block_ends_in_the_longest_pause():
    first, _ = cut(talk(LONGEST_S + 10, (125, 125.5), (131, 133), (140, 141)))
    assert first.end_ms == 132_000


def test_without_a_pause_the_quietest_moment_is_cut():
    audio = talk(LONGEST_S + 10)
    audio[130 * RATE : 130 * RATE + RATE // 2] *= 0.01
    assert 130_000 <= cut(audio)[0].end_ms <= 130_500


def test_no_block_is_longer_than_allowed_whatever_the_sound():
    for audio in (talk(700), np.zeros(700 * RATE, dtype=np.float32)):
        assert all(0 < len(block.samples) <= LONGEST_S * RATE for block in cut(audio))


def test_short_audio_is_one_block_and_none_is_none():
    assert len(cut(talk(5))) == 1
    assert cut(talk(0)) == []
