"""Wherever a recording is cut, nothing changes."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from localcloud.recorder import RECORDERS, encode
from tests.audio_fixtures import cut_at, join, one_file, speech

KINDS = ["webm", "ogg", "mp3", "mp3-bare", "m4a", "m4a-fragmented", "aac", "wav", "flac"]
SECONDS = 4


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_any_cut_of_a_stream_decodes_bit_for_bit_as_the_stream(kind: str, data: st.DataObject):
    recording = one_file(kind, SECONDS)
    bounds = data.draw(st.lists(st.integers(1, len(recording) - 1), max_size=8, unique=True))
    with tempfile.TemporaryDirectory() as folder:
        whole = join([recording], Path(folder))[1]
        stitched, samples = join(cut_at(recording, bounds), Path(folder))
    assert np.array_equal(samples, whole)
    assert stitched.gaps == ()


def test_a_cut_between_the_tag_and_the_first_frame_is_no_new_file():
    recording = one_file("mp3", SECONDS)
    tag = recording.index(b"\xff\xfb")
    with tempfile.TemporaryDirectory() as folder:
        whole = join([recording], Path(folder))[1]
        for bounds in ([tag], [tag, len(recording) // 2]):
            stitched, samples = join(cut_at(recording, bounds), Path(folder))
            assert np.array_equal(samples, whole)
            assert stitched.gaps == ()


@settings(max_examples=20, deadline=None)
@given(bounds=st.lists(st.integers(1600, SECONDS * 16_000 - 1600), min_size=1, max_size=5, unique=True))
def test_any_split_into_files_joins_to_the_sample(bounds: list[int]):
    parts = np.split(speech(SECONDS), sorted(bounds))
    with tempfile.TemporaryDirectory() as folder:
        samples = join([encode(part, RECORDERS["wav"]) for part in parts if len(part)], Path(folder))[1]
    assert np.array_equal(samples, speech(SECONDS))
