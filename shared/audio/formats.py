"""Where each format can be picked up again, and what a demuxer must have seen before it can.

A stream that lost bytes in the middle is read on from the next point where the format allows it (a Cluster, a
fragment, a page, a frame), after the opening bytes of its file: what describes the tracks and comes before the
first sound.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import av

from shared.audio.frames import ADTS_FRAMES, MP3_FRAMES, FrameKind, find_frames
from shared.audio.sniff import CLUSTER, Container
from shared.audio.sources import SessionBytes, position_of

_OPENING_LIMIT = 1024 * 1024

OpeningOf = Callable[[SessionBytes, int, int], bytes | None]
TrailerSize = Callable[[bytes], int | None]


@dataclass(frozen=True)
class Format:
    """How one container is read.

    `demuxer` is FFmpeg's name. `timed`: packets carry times that hold across lost bytes. `opening(session, start,
    end)` gives a file's opening bytes, None if it has none to borrow. `sync` finds in a window of bytes where
    reading can start again. `trailer` gives the size of a soundless element at the start of a window. `frames` is
    set where packets are bare frames.
    """

    demuxer: str
    timed: bool
    opening: OpeningOf
    sync: Callable[[bytes], int | None]
    trailer: TrailerSize
    frames: FrameKind | None = None

    @property
    def bare(self) -> bool:
        """Whether packets are only found by their sync words: nothing around them tells where they begin and end."""
        return self.frames is not None or self.demuxer == "flac"


def skip_trailers(session: SessionBytes, kind: Format, begin: int, end: int) -> int:
    """The address after the indexes and tags that stand at `begin`."""
    while begin < end:
        size = kind.trailer(session.read(begin, min(16, end - begin)))
        if size is None:
            return begin
        begin += size
    return min(begin, end)


# ---- WebM ------------------------------------------------------------------------------------------------------

_WEBM_TRAILERS = (
    b"\x1c\x53\xbb\x6b",  # Cues
    b"\x12\x54\xc3\x67",  # Tags
    b"\x11\x4d\x9b\x74",  # SeekHead
    b"\x10\x43\xa7\x70",  # Chapters
)


def _webm_opening(session: SessionBytes, start: int, end: int) -> bytes | None:
    """All bytes before the first Cluster (Matroska, RFC 9559 §4.5)."""
    cluster = session.find(lambda window: position_of(CLUSTER, window), start, min(end, start + _OPENING_LIMIT))
    return None if cluster is None else session.read(start, cluster - start)


def _webm_trailer(window: bytes) -> int | None:
    if window[:4] not in _WEBM_TRAILERS or len(window) < 12:  # noqa: PLR2004 (an id and the longest size)
        return None
    length = 9 - window[4].bit_length()  # EBML variable-size integer, RFC 8794 §4
    return 4 + length + (int.from_bytes(window[4 : 4 + length]) & (1 << 7 * length) - 1)


# ---- MP4 -------------------------------------------------------------------------------------------------------

_MP4_TRAILERS = (b"moov", b"mfra", b"free", b"skip", b"udta", b"meta", b"uuid", b"sidx", b"styp", b"wide")


def _mp4_opening(session: SessionBytes, start: int, end: int) -> bytes | None:
    """Boxes up to the first `moof` (the initialization segment, ISO 14496-12 §8.16); None if not fragmented."""
    at, seen = start, set[bytes]()
    while at + 8 <= min(end, start + _OPENING_LIMIT):
        box = session.read(at, 8)
        if box[4:] == b"moof":
            return session.read(start, at - start) if b"moov" in seen else None
        seen.add(box[4:])
        at += max(int.from_bytes(box[:4]), 8)
    return None


def _mp4_sync(window: bytes) -> int | None:
    """A `moof` box is known by the `mfhd` box it must begin with."""
    at = window.find(b"moof")
    while at >= 0:
        if at >= 4 and window[at + 8 : at + 12] == b"mfhd":  # noqa: PLR2004 (the box's size stands before its name)
            return at - 4
        at = window.find(b"moof", at + 1)
    return None


def _mp4_trailer(window: bytes) -> int | None:
    size = int.from_bytes(window[:4])
    return size if window[4:8] in _MP4_TRAILERS and size >= 8 else None  # noqa: PLR2004 (a box's own header)


# ---- Ogg -------------------------------------------------------------------------------------------------------

_OGG_PAGE_HEADER = 27


def _ogg_opening(session: SessionBytes, start: int, end: int) -> bytes | None:
    """Header pages: those before the first with a granule position (RFC 3533 §6, RFC 7845 §3)."""
    at = start
    while at + _OGG_PAGE_HEADER < min(end, start + _OPENING_LIMIT):
        page = session.read(at, _OGG_PAGE_HEADER + 255)
        if page[:4] != b"OggS" or page[6:14] not in (bytes(8), b"\xff" * 8):
            break
        segments = page[26]
        at += _OGG_PAGE_HEADER + segments + sum(page[_OGG_PAGE_HEADER : _OGG_PAGE_HEADER + segments])
    return session.read(start, at - start) if start < at < end else None


# ---- FLAC ------------------------------------------------------------------------------------------------------


def _flac_opening(session: SessionBytes, start: int, end: int) -> bytes | None:
    """The marker and all metadata blocks (RFC 9639 §8)."""
    at, last = start + 4, False
    while not last and at + 4 <= min(end, start + _OPENING_LIMIT):
        block = session.read(at, 4)
        last = bool(block[0] & 0x80)
        at += 4 + int.from_bytes(block[1:])
    return session.read(start, at - start) if last and at < end else None


def _flac_sync(window: bytes) -> int | None:
    """A frame's sync code (RFC 9639 §9.1); the decoder verifies the checksum behind it."""
    hits = [at for at in (window.find(b"\xff\xf8"), window.find(b"\xff\xf9")) if at >= 0]
    return min(hits, default=None)


# ---- WAV, MP3, ADTS --------------------------------------------------------------------------------------------


def _wav_trailer(window: bytes) -> int | None:
    """A RIFF chunk behind the samples."""
    name = window[:4]
    if name not in (b"LIST", b"id3 ", b"ID3 ", b"JUNK", b"bext", b"cue ", b"fact", b"PAD ", b"smpl", b"iXML", b"_PMX"):
        return None
    return 8 + (size := int.from_bytes(window[4:8], "little")) + size % 2


def _mp3_trailer(window: bytes) -> int | None:
    return 128 if window.startswith(b"TAG") else None


def _no_opening(session: SessionBytes, start: int, end: int) -> bytes | None:
    return b""


def _no_trailer(window: bytes) -> int | None:
    return None


def spare_opening() -> bytes:
    """Opening bytes for WebM with one Opus track, as browsers record, for when those of the session are lost."""
    out = io.BytesIO()
    with av.open(out, "w", format="webm", options={"live": "1"}) as file:
        stream: Any = file.add_stream("libopus", rate=48_000, layout="mono")
        silence = av.AudioFrame(format="flt", layout="mono", samples=960)
        silence.sample_rate = 48_000
        silence.planes[0].update(bytes(silence.planes[0].buffer_size))
        file.mux(stream.encode(silence))
        file.mux(stream.encode(None))
    return out.getvalue().partition(CLUSTER)[0]


FORMATS = {
    Container.WEBM: Format("matroska", True, _webm_opening, lambda w: position_of(CLUSTER, w), _webm_trailer),
    Container.MP4: Format("mov", True, _mp4_opening, _mp4_sync, _mp4_trailer),
    Container.OGG: Format("ogg", True, _ogg_opening, lambda w: position_of(b"OggS\x00", w), _no_trailer),
    Container.FLAC: Format("flac", True, _flac_opening, _flac_sync, _no_trailer),
    Container.MP3: Format("mp3", False, _no_opening, lambda w: find_frames(w, MP3_FRAMES), _mp3_trailer, MP3_FRAMES),
    Container.ADTS: Format("aac", False, _no_opening, lambda w: find_frames(w, ADTS_FRAMES), _mp3_trailer, ADTS_FRAMES),
    Container.WAV: Format("wav", False, _no_opening, lambda _: 0, _wav_trailer),
}
