"""What the first bytes of a chunk tell."""

import struct

import pytest

from shared.audio.sniff import HEAD_BYTES, Container, begins_anew, container_of, looks_like_audio
from tests.audio_fixtures import cut_at, garbage, one_file, pieces_of

ID3 = b"ID3\x04\x00\x00" + bytes([0, 0, 1, 0x10]) + bytes(144)


def wav_header(data_size: int) -> bytes:
    fmt = b"fmt " + struct.pack("<IHHIIHH", 16, 1, 1, 16_000, 32_000, 2, 16)
    return (
        b"RIFF"
        + struct.pack("<I", (data_size + 36) & 0xFFFFFFFF)
        + b"WAVE"
        + fmt
        + b"data"
        + struct.pack("<I", data_size)
    )


@pytest.mark.parametrize(
    ("recorder", "container"),
    [
        ("webm", Container.WEBM),
        ("ogg", Container.OGG),
        ("mp3", Container.MP3),
        ("mp3-bare", Container.MP3),
        ("m4a", Container.MP4),
        ("m4a-fragmented", Container.MP4),
        ("aac", Container.ADTS),
        ("wav", Container.WAV),
        ("flac", Container.FLAC),
    ],
)
def test_a_file_is_known_by_its_content(recorder: str, container: Container):
    assert container_of(one_file(recorder)[:HEAD_BYTES]) is container
    assert container_of(one_file(recorder)[:4096]) is container


@pytest.mark.parametrize("recorder", ["webm", "ogg", "m4a", "m4a-fragmented", "wav", "flac"])
def test_a_piece_from_the_middle_starts_nothing(recorder: str):
    assert [container_of(piece[:HEAD_BYTES]) for piece in pieces_of(recorder)[1:]] == [None] * 5


@pytest.mark.parametrize("size", [0, 1, 32_000, 0xFFFFFFFF])
def test_a_wav_header_counts_whatever_length_it_claims(size: int):
    assert container_of(wav_header(size) + bytes(100)) is Container.WAV


@pytest.mark.parametrize(
    ("head", "why"),
    [
        (b"\x1f\x43\xb6\x75" + bytes(60), "a WebM Cluster"),
        (b"OggS\x00\x00" + bytes(60), "an Ogg page that begins no stream"),
        (b"\x00\x00\x00\x18styp" + b"msdh" + bytes(60), "an MP4 segment"),
        (b"\x00\x00\x00\x64moof" + bytes(60), "an MP4 fragment"),
        (b"\xff\xfb\x90\x00" + garbage(2000), "one MP3 header, and nothing a frame later"),
        (b"\xff\xf1\x4c\x40\x20\x5f\xfc" + garbage(2000), "one ADTS header, and nothing a frame later"),
        (b"RIFF\x00\x00\x00\x00AVI " + bytes(60), "another kind of RIFF"),
        (b"", "nothing"),
    ],
)
def test_what_starts_no_file(head: bytes, why: str):
    assert container_of(head) is None, why


def test_an_id3_tag_announces_mp3_even_if_it_is_longer_than_the_head():
    assert container_of(b"ID3\x03\x00\x00" + bytes([0, 9, 0, 0]) + bytes(4000)) is Container.MP3


def test_frames_behind_frames_of_the_same_stream_are_no_new_file():
    stream = one_file("mp3-bare")
    frame_start = 192 * 100  # 64 kbit/s at 48 kHz: every frame has 192 bytes
    first, second = cut_at(stream, [frame_start])
    assert container_of(second) is Container.MP3
    assert not begins_anew(second, first, HEAD_BYTES)


@pytest.mark.parametrize("recorder", ["mp3", "webm", "wav"])
def test_a_header_of_its_own_makes_a_new_file(recorder: str):
    head = one_file(recorder)[:HEAD_BYTES]
    assert begins_anew(head, head, HEAD_BYTES)


def test_frames_of_another_kind_are_a_new_file():
    assert begins_anew(one_file("aac")[:HEAD_BYTES], one_file("mp3-bare")[:HEAD_BYTES], HEAD_BYTES)
    assert begins_anew(one_file("mp3-bare")[:HEAD_BYTES], one_file("webm")[:HEAD_BYTES], HEAD_BYTES)


@pytest.mark.parametrize(
    ("head", "what"),
    [
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3", "PDF"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "PNG"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", "JPEG"),
        (b"GIF89a\x01\x00", "GIF"),
        (b"RIFF\x00\x10\x00\x00WEBPVP8 ", "WebP"),
        (b"\x00\x00\x00\x18ftypheic\x00\x00", "HEIC"),
        (b"PK\x03\x04\x14\x00\x06\x00", "ZIP and Office"),
        (b"\x1f\x8b\x08\x00", "gzip"),
        (b"\x7fELF\x02\x01\x01\x00", "a program"),
        (b"<!DOCTYPE html><html><body>502 Bad Gateway", "HTML"),
        (b'{"error": "unauthorized"}', "JSON"),
        ("Notizen: die Klientin wirkte müde".encode(), "text"),
        (b"", "nothing at all"),
    ],
)
def test_what_is_certainly_no_audio_is_refused(head: bytes, what: str):
    assert not looks_like_audio(head), what


@pytest.mark.parametrize("recorder", ["webm", "ogg", "mp3", "m4a", "m4a-fragmented", "aac", "wav", "flac"])
def test_every_piece_of_a_recording_is_accepted(recorder: str):
    assert all(looks_like_audio(piece[:HEAD_BYTES]) for piece in pieces_of(recorder, 50))


def test_unknown_bytes_are_accepted_for_they_may_continue_a_file():
    assert all(looks_like_audio(garbage(64, seed)) for seed in range(500))
    assert looks_like_audio(bytes(1000)), "digital silence"
