"""A room's late sound goes, what was said stays in its place."""

from pathlib import Path

import numpy as np
import pytest

from shared.adapters.embedded_speech.dereverberate import dereverberated
from shared.audio.flac import RATE, read_blocks

SPEECH = Path(__file__).parents[1] / "data" / "speech" / "austen_0870.flac"
EARLY_MS, LATE_MS = 30, 300


def said() -> np.ndarray:
    return np.concatenate(list(read_blocks(SPEECH, 60_000)))


def in_a_room(dry: np.ndarray, until_ms: int) -> np.ndarray:
    """With the sound of a room that fades by 60 dB in half a second, as far as it comes within so many ms."""
    times = np.arange(RATE * LATE_MS // 1000) / RATE
    room = np.random.default_rng(1).standard_normal(len(times)) * 10 ** (-3 * times / 0.5) / 10
    room[0] = 1
    room[RATE * until_ms // 1000 :] = 0
    return np.convolve(dry, room)[: len(dry)].astype(np.float32)


def decibels(wanted: np.ndarray, heard: np.ndarray) -> float:
    """How much louder what is wanted is than all that was added to it."""
    return float(10 * np.log10((wanted**2).sum() / ((heard - wanted) ** 2).sum()))


def test_late_sound_goes_and_early_sound_stays():
    dry = said()
    wanted, heard = in_a_room(dry, EARLY_MS), in_a_room(dry, LATE_MS)
    assert decibels(wanted, dereverberated(heard)) > decibels(wanted, heard) + 1.5


def test_speech_without_a_room_stays_much_as_it_is():
    dry = said()
    assert decibels(dry, dereverberated(dry)) > 12


@pytest.mark.parametrize("samples", [0, 1, 127, 512, 5_000])
def test_there_are_as_many_samples_as_before(samples: int):
    assert len(dereverberated(said()[:samples])) == samples


def test_silence_stays_silence():
    assert not dereverberated(np.zeros(RATE, np.float32)).any()
