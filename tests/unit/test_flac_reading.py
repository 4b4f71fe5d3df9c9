"""The stitched file read from its middle, and how long it is without being read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from shared.audio.flac import RATE, FlacWriter, length_ms, read_blocks
from shared.domain.errors import AudioUndecodable

SECONDS = 20
NOISE = np.random.default_rng(1).integers(-20_000, 20_000, RATE * SECONDS + 777).astype(np.int16)


@pytest.fixture(scope="module")
def audio(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("flac") / "session.flac"
    with FlacWriter(path) as flac:
        flac.write_samples(NOISE)
    return path


@pytest.mark.parametrize("start_ms", [0, 1, 287, 288, 1000, 12_345, SECONDS * 1000, SECONDS * 1000 + 47])
def test_reading_from_anywhere_gives_every_sample_from_there_on(audio, start_ms):
    read = np.concatenate(list(read_blocks(audio, 1000, start_ms=start_ms)))
    assert np.array_equal((read * 32768).astype(np.int16), NOISE[start_ms * RATE // 1000 :])


def test_its_length_is_in_its_header(audio):
    assert length_ms(audio) == len(NOISE) * 1000 // RATE


def test_a_header_without_audio_has_no_length(tmp_path):
    broken = tmp_path / "broken.flac"
    broken.write_bytes(b"fLaC" + bytes(500))
    with pytest.raises(AudioUndecodable):
        length_ms(broken)
