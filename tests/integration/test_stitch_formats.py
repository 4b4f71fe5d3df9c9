"""Chunks as recorders deliver them become one audio file."""

import io
import struct
from functools import partial
from pathlib import Path

import av
import numpy as np
import pytest

from localcloud.recorder import RECORDERS, Recorder, cut, encode
from shared.audio.flac import read_blocks
from shared.audio.stitch import ChunkSource, stitch
from shared.domain.errors import AudioUndecodable
from tests.audio_fixtures import in_memory, join, likeness, one_file, own_files, pieces_of, speech

KINDS = sorted(RECORDERS)
LOSSLESS = ["wav", "flac"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_whole_file_becomes_16_khz_mono_flac(kind: str, tmp_path: Path):
    stitched, samples = join([one_file(kind)], tmp_path)
    with av.open(str(tmp_path / "session.flac")) as file:
        stream = file.streams.audio[0]
        assert (stream.codec_context.name, stream.rate, stream.layout.name) == ("flac", 16_000, "mono")
    assert stitched.gaps == ()
    assert stitched.duration_ms == len(samples) * 1000 // 16_000
    assert abs(stitched.duration_ms - 24_000) < 100


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("pieces", [2, 7, 40])
def test_a_cut_file_decodes_as_the_uncut_one(kind: str, pieces: int, tmp_path: Path):
    whole = join([one_file(kind)], tmp_path)[1]
    stitched, samples = join(pieces_of(kind, pieces), tmp_path)
    assert np.array_equal(samples, whole)
    assert stitched.gaps == ()
    assert [chunk.label for chunk in stitched.chunks] == [str(n) for n in range(pieces)]
    assert stitched.chunks[-1].end_ms == stitched.duration_ms


@pytest.mark.parametrize("kind", KINDS)
def test_files_of_their_own_join_without_losing_a_sample(kind: str, tmp_path: Path):
    files = own_files(kind)
    alone = [join([file], tmp_path)[1] for file in files]
    stitched, samples = join(files, tmp_path)
    assert stitched.gaps == ()
    if kind in ("mp3-bare", "aac"):  # bare frames are one stream: they overlap at the seams, and so do roundings
        assert abs(len(samples) - sum(map(len, alone))) < len(files)
    else:
        assert np.array_equal(samples, np.concatenate(alone))


@pytest.mark.parametrize("kind", LOSSLESS)
def test_lossless_files_come_out_as_they_went_in(kind: str, tmp_path: Path):
    assert np.array_equal(join(own_files(kind), tmp_path)[1], speech())


def test_a_restarted_recorder_makes_several_runs(tmp_path: Path):
    first, second = np.array_split(speech(), 2)
    chunks = [*cut(encode(first, RECORDERS["webm"]), 3), *cut(encode(second, RECORDERS["webm"]), 2)]
    stitched, samples = join(chunks, tmp_path)
    assert stitched.gaps == ()
    assert len(samples) == len(speech())
    assert likeness(samples, speech()) > 0.9


def test_recorders_of_all_kinds_in_one_session(tmp_path: Path):
    chunks = [chunk for kind in KINDS for chunk in (*cut(own_files(kind)[0], 2), own_files(kind)[1])]
    stitched, samples = join(chunks, tmp_path)
    assert stitched.gaps == ()
    assert abs(len(samples) / 16_000 - 12 * len(KINDS)) < 1


def test_rate_and_channels_may_change_within_a_session(tmp_path: Path):
    parts = np.array_split(speech(), 4)
    recorders = [
        Recorder("wav", "pcm_s16le", rate=16_000),
        Recorder("wav", "pcm_s16le", rate=48_000, layout="stereo"),
        Recorder("wav", "pcm_s16le", rate=8_000),
        Recorder("wav", "pcm_f32le", rate=44_100),
    ]
    stitched, samples = join([encode(*pair) for pair in zip(parts, recorders, strict=True)], tmp_path)
    assert stitched.gaps == ()
    assert abs(len(samples) - len(speech())) <= 4
    assert likeness(samples, speech()) > 0.98


@pytest.mark.parametrize("claimed", [0, 0xFFFFFFFF, 1000, 10_000_000])
def test_a_wav_header_with_a_wrong_length_costs_nothing(claimed: int, tmp_path: Path):
    wav = one_file("wav")
    at = wav.index(b"data") + 4
    chunks = cut(wav[:at] + struct.pack("<I", claimed) + wav[at + 4 :], 3)
    assert np.array_equal(join(chunks, tmp_path)[1], speech())


def test_what_follows_the_samples_of_a_wav_is_not_played(tmp_path: Path):
    tagged = own_files("wav")[0] + b"LIST" + struct.pack("<I", 1000) + b"INFO" * 250
    stitched, samples = join([tagged, own_files("wav")[1]], tmp_path)
    assert stitched.gaps == ()
    assert np.array_equal(samples, speech()[: len(speech()) // 2])


def test_an_index_at_the_end_may_come_in_a_later_chunk(tmp_path: Path):
    m4a = one_file("m4a")
    assert m4a.index(b"moov") > len(m4a) // 2
    stitched, samples = join(cut(m4a, 5), tmp_path)
    assert stitched.gaps == ()
    assert abs(len(samples) - len(speech())) < 1024


def test_the_same_chunks_give_the_same_bytes(tmp_path: Path):
    join(pieces_of("webm"), tmp_path)
    first = (tmp_path / "session.flac").read_bytes()
    join(pieces_of("webm"), tmp_path)
    assert (tmp_path / "session.flac").read_bytes() == first


def test_chunks_are_opened_in_turn_and_at_most_two_at_a_time(tmp_path: Path):
    opened: list[int] = []
    now_open: set[int] = set()
    most = 0

    class Watched(io.BytesIO):
        def __init__(self, index: int, content: bytes) -> None:
            super().__init__(content)
            self.index = index
            opened.append(index)
            now_open.add(index)
            nonlocal most
            most = max(most, len(now_open))

        def close(self) -> None:
            now_open.discard(self.index)
            super().close()

    chunks = pieces_of("webm", 12)
    sources = [ChunkSource(str(n), partial(Watched, n, chunks[n]), len(chunks[n])) for n in range(12)]
    stitch(sources, tmp_path / "out.flac")
    assert opened == list(range(12))
    assert most <= 2
    assert not now_open


def test_progress_counts_bytes_up_to_all_of_them(tmp_path: Path):
    sources = [in_memory(str(n), chunk) for n, chunk in enumerate(pieces_of("wav"))]
    told: list[tuple[int, int]] = []
    stitch(sources, tmp_path / "out.flac", progress=lambda done, total: told.append((done, total)))
    total = len(one_file("wav"))
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert told[-1] == (total, total)


def test_a_store_that_fails_while_a_chunk_is_read_is_not_taken_for_bad_audio(tmp_path: Path):
    def unreachable() -> io.BytesIO:
        raise ConnectionError("gone")

    first, second, *_ = pieces_of("webm")
    sources = [in_memory("0", first), ChunkSource("1", unreachable, len(second))]
    with pytest.raises(ConnectionError):
        stitch(sources, tmp_path / "out.flac")
    assert not (tmp_path / "out.flac").exists()


def test_stitched_audio_is_read_in_blocks(tmp_path: Path):
    join([one_file("wav")], tmp_path)
    blocks = list(read_blocks(tmp_path / "session.flac", 7000))
    assert [len(block) for block in blocks] == [112_000] * 3 + [48_000]
    assert blocks[0].dtype == np.float32
    assert np.array_equal(np.concatenate(blocks) * 32768, speech())


def test_a_damaged_stitched_file_does_not_pass_for_silence(tmp_path: Path):
    join([one_file("flac")], tmp_path)
    stitched = tmp_path / "session.flac"
    stitched.write_bytes(stitched.read_bytes()[:100] + b"\0" * 5_000)
    with pytest.raises(AudioUndecodable):
        list(read_blocks(stitched, 1000))
