"""Chunks that are missing or broken are gaps with a place and a length; everything else survives."""

from pathlib import Path

import numpy as np
import pytest

from shared.domain.errors import AudioUndecodable
from tests.audio_fixtures import MISSING, garbage, join, likeness, one_file, own_files, pieces_of, replaced, speech

STREAMS = ["webm", "ogg", "mp3", "mp3-bare", "m4a-fragmented", "aac", "wav", "flac"]
TIMED = ["webm", "ogg", "m4a-fragmented", "flac"]
HEADLESS = ["webm", "mp3", "mp3-bare", "aac"]
FILES = [*STREAMS, "m4a"]
SECOND = 16_000


@pytest.mark.parametrize("kind", STREAMS)
def test_a_missing_middle_piece_is_silence_of_its_length(kind: str, tmp_path: Path):
    whole = join([one_file(kind)], tmp_path)[1]
    stitched, samples = join(replaced(pieces_of(kind), 2, MISSING), tmp_path)
    [gap] = stitched.gaps
    assert (gap.chunk, gap.reason) == ("2", "missing")
    assert gap.end_ms is not None
    assert 2_500 < gap.end_ms - gap.start_ms < 6_500
    assert not samples[gap.start_ms * 16 + SECOND : gap.end_ms * 16 - SECOND].any()
    assert abs(len(samples) - len(whole)) < SECOND // 2


@pytest.mark.parametrize("kind", TIMED)
def test_after_a_gap_the_containers_own_times_hold(kind: str, tmp_path: Path):
    whole = join([one_file(kind)], tmp_path)[1]
    samples = join(replaced(pieces_of(kind), 2, MISSING), tmp_path)[1]
    end = 18 * SECOND
    assert abs(len(samples) - len(whole)) <= SECOND // 50
    assert max(likeness(samples[end - shift :], whole[end:]) for shift in range(-40, 40)) > 0.9


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize("index", [0, 2, 3])
def test_a_missing_file_is_silence_as_long_as_its_neighbours(kind: str, index: int, tmp_path: Path):
    whole = join(own_files(kind), tmp_path)[1]
    stitched, samples = join(replaced(own_files(kind), index, MISSING), tmp_path)
    [gap] = stitched.gaps
    assert (gap.chunk, gap.reason) == (str(index), "missing")
    assert abs(gap.start_ms - index * 6_000) < 200
    assert gap.end_ms is not None
    assert abs(gap.end_ms - gap.start_ms - 6_000) < 200
    assert abs(len(samples) - len(whole)) < 3000


@pytest.mark.parametrize("kind", STREAMS)
@pytest.mark.parametrize("index", [2, 5])
def test_garbage_for_a_piece_is_a_gap_and_the_rest_is_heard(kind: str, index: int, tmp_path: Path):
    whole = join([one_file(kind)], tmp_path)[1]
    stitched, samples = join(replaced(pieces_of(kind), index, garbage()), tmp_path)
    assert [(gap.chunk, gap.reason) for gap in stitched.gaps] == [(str(index), "undecodable")]
    assert abs(len(samples) - len(whole)) < 1.2 * SECOND
    assert np.array_equal(samples[: 6 * SECOND], whole[: 6 * SECOND])


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize("index", [0, 2, 3])
@pytest.mark.parametrize("size", [1_000, 50_000])
def test_garbage_for_a_file_is_a_gap_and_the_rest_is_heard(kind: str, index: int, size: int, tmp_path: Path):
    whole = join(own_files(kind), tmp_path)[1]
    stitched, samples = join(replaced(own_files(kind), index, garbage(size)), tmp_path)
    assert [(gap.chunk, gap.reason) for gap in stitched.gaps] == [(str(index), "undecodable")]
    assert abs(len(samples) - len(whole)) < SECOND


@pytest.mark.parametrize("kind", HEADLESS)
@pytest.mark.parametrize("first", [MISSING, garbage()])
def test_a_stream_is_heard_even_without_its_first_piece(kind: str, first: bytes | None, tmp_path: Path):
    whole = join([one_file(kind)], tmp_path)[1]
    stitched, samples = join(replaced(pieces_of(kind), 0, first), tmp_path)
    assert [gap.chunk for gap in stitched.gaps] == ["0"]
    assert abs(len(samples) - len(whole)) < SECOND


def test_without_the_piece_that_explains_them_pieces_are_gaps_until_the_next_file(tmp_path: Path):
    stitched, _ = join([*pieces_of("ogg", 3)[1:], own_files("ogg")[1]], tmp_path)
    assert [(gap.chunk, gap.reason) for gap in stitched.gaps] == [("0", "undecodable"), ("1", "undecodable")]
    assert stitched.chunks[2].end_ms == stitched.duration_ms


def test_a_document_among_the_chunks_is_a_gap(tmp_path: Path):
    pdf = b"%PDF-1.7\n" + garbage(3000)
    stitched, _ = join(replaced(pieces_of("webm"), 3, pdf), tmp_path)
    assert [(gap.chunk, gap.reason) for gap in stitched.gaps] == [("3", "undecodable")]


def test_a_cut_off_last_chunk_is_heard_as_far_as_it_goes(tmp_path: Path):
    files = own_files("webm")
    stitched, samples = join([*files[:3], files[3][: len(files[3]) // 2]], tmp_path)
    assert stitched.gaps == ()
    assert 20 * SECOND < len(samples) < 22 * SECOND


def test_a_piece_cut_off_in_the_middle_of_a_stream_is_a_gap_as_long_as_what_is_lost(tmp_path: Path):
    pieces = pieces_of("webm", 3)
    stitched, samples = join(replaced(pieces, 1, pieces[1][: len(pieces[1]) // 4]), tmp_path)
    assert {gap.chunk for gap in stitched.gaps} <= {"1", "2"}
    assert sum((gap.end_ms or 0) - gap.start_ms for gap in stitched.gaps) > 4_000
    assert abs(len(samples) - len(speech())) < SECOND // 50


def test_neighbouring_losses_are_named_one_by_one(tmp_path: Path):
    chunks: list[bytes | None] = list(own_files("wav", 8))
    chunks[2:5] = [MISSING, garbage(), MISSING]
    stitched, samples = join(chunks, tmp_path)
    assert [(gap.chunk, gap.reason) for gap in stitched.gaps] == [
        ("2", "missing"),
        ("3", "undecodable"),
        ("4", "missing"),
    ]
    assert [(gap.start_ms, gap.end_ms) for gap in stitched.gaps] == [(6000, 9000), (9000, 12_000), (12_000, 15_000)]
    assert np.array_equal(samples[15 * SECOND :], speech()[15 * SECOND :])


def test_spans_say_where_each_chunk_is_heard(tmp_path: Path):
    stitched, _ = join(replaced(own_files("wav"), 1, MISSING), tmp_path)
    assert [(c.label, c.start_ms, c.end_ms) for c in stitched.chunks] == [
        ("0", 0, 6000),
        ("1", 6000, 12_000),
        ("2", 12_000, 18_000),
        ("3", 18_000, 24_000),
    ]


def test_a_file_without_sound_is_a_point_where_nothing_is_lost(tmp_path: Path):
    empty = one_file("wav")[:44]
    stitched, samples = join([own_files("wav")[0], empty, own_files("wav")[1]], tmp_path)
    [gap] = stitched.gaps
    assert (gap.start_ms, gap.end_ms, gap.chunk) == (6000, None, "1")
    assert len(samples) == 12 * SECOND


def test_missing_samples_of_odd_length_do_not_turn_the_rest_into_noise(tmp_path: Path):
    wav = one_file("wav")
    first, lost, last = wav[:200_044], wav[200_044:300_045], wav[300_045:]
    samples = join([first, None, last], tmp_path)[1]
    assert len(lost) % 2 == 1
    assert likeness(samples[-5 * SECOND :], speech()[-5 * SECOND :]) > 0.99


@pytest.mark.parametrize("chunks", [[MISSING], [garbage()], [garbage(), MISSING, b""], [one_file("webm")[:60]]])
def test_a_session_without_any_sound_is_undecodable(chunks: list[bytes | None], tmp_path: Path):
    with pytest.raises(AudioUndecodable):
        join(chunks, tmp_path)
    assert list(tmp_path.iterdir()) == []
