"""Frame headers of the formats that are frames and nothing else: MP3, AAC in ADTS, and FLAC behind its header."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

FrameLength = Callable[[bytes, int], int | None]

_MP3_KBITS_V1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_MP3_KBITS_V2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_MP3_RATES = (44_100, 48_000, 32_000)
_ADTS_FREQUENCIES = 13
_MPEG_1 = 3
_RESERVED_VERSION = 1
_LAYER_III = 1


def mp3_frame_length(data: bytes, at: int) -> int | None:
    """Bytes of the layer III frame whose header stands at `at`; None when there is none (ISO 11172-3 §2.4.1.3)."""
    if len(data) < at + 4 or not _synced(data, at, 0xE0):
        return None
    version, layer = data[at + 1] >> 3 & 3, data[at + 1] >> 1 & 3
    bitrate, rate, padding = data[at + 2] >> 4, data[at + 2] >> 2 & 3, data[at + 2] >> 1 & 1
    if version == _RESERVED_VERSION or layer != _LAYER_III or bitrate in (0, 15) or rate == 3:  # noqa: PLR2004
        return None
    if version == _MPEG_1:
        return 144_000 * _MP3_KBITS_V1[bitrate] // _MP3_RATES[rate] + padding
    hertz = _MP3_RATES[rate] // (2 if version == 2 else 4)  # noqa: PLR2004 (MPEG 2 halves the rate, 2.5 quarters it)
    return 72_000 * _MP3_KBITS_V2[bitrate] // hertz + padding


def adts_frame_length(data: bytes, at: int) -> int | None:
    """Bytes of the ADTS frame whose header stands at `at`; None when there is none (ISO 14496-3 §1.A.2.2)."""
    if len(data) < at + 7 or data[at + 1] & 0x06 or not _synced(data, at, 0xF0):
        return None
    if data[at + 2] >> 2 & 0xF >= _ADTS_FREQUENCIES:
        return None
    length = (data[at + 3] & 3) << 11 | data[at + 4] << 3 | data[at + 5] >> 5
    return length if length > 7 else None  # noqa: PLR2004 (a frame is more than its header)


def _synced(data: bytes, at: int, mask: int) -> bool:
    return data[at] == 0xFF and data[at + 1] & mask == mask  # noqa: PLR2004 (the sync word's ones)


@dataclass(frozen=True)
class FrameKind:
    """`length` reads a frame's size from its header; `mask` has ones for the header bits a stream never changes."""

    length: FrameLength
    mask: int

    def same_stream(self, one: bytes, other: bytes) -> bool:
        """Whether frames that begin so belong to one stream."""
        return (int.from_bytes(one[:4]) ^ int.from_bytes(other[:4])) & self.mask == 0


MP3_FRAMES = FrameKind(mp3_frame_length, 0xFFFF0C00)
"""Constant are version, layer and sampling rate; bit rate and joint stereo may change with each frame."""
ADTS_FRAMES = FrameKind(adts_frame_length, 0xFFFFFDC0)
"""Constant is what the standard calls the fixed header: also profile and channels."""


def starts_with_frames(data: bytes, kind: FrameKind, *, at: int = 0) -> bool:
    """Whether whole frames of one stream follow each other from `at` on.

    One header is a coincidence (1 in 2,000 in random bytes), so two must stand exactly a frame apart, three where
    `data` reaches that far; a single frame counts only if it is all there is.
    """
    first, position = data[at : at + 4], at
    for found in range(3):
        if found and position == len(data):
            return True
        length = kind.length(data, position)
        if length is None or not kind.same_stream(first, data[position : position + 4]):
            return found > 1 and len(data) < position + _LONGEST_HEADER
        position += length
    return True


def find_frames(data: bytes, kind: FrameKind) -> int | None:
    """Where the first row of whole frames begins, in bytes; None when there is none."""
    at = data.find(b"\xff")
    while at >= 0:
        if kind.length(data, at) is not None and starts_with_frames(data, kind, at=at):
            return at
        at = data.find(b"\xff", at + 1)
    return None


def flac_frame_start(frame: bytes, samples: int) -> int | None:
    """The number of a FLAC frame's first sample, from its header (RFC 9639 §9.1.5); None if that is damaged.

    A stream of fixed block size counts frames, so `samples` is the size of its blocks.
    """
    if len(frame) < _SHORTEST_FLAC_FRAME:
        return None
    ones = 8 - (frame[4] ^ 0xFF).bit_length()  # coded like UTF-8: the leading ones tell the length
    if ones in (1, 8):
        return None
    number = frame[4] & (0x7F >> ones)
    for byte in frame[5 : 4 + ones]:
        number = number << 6 | byte & 0x3F
    return number if frame[1] & 1 else number * samples


def flac_frame_size(packet: bytes) -> int:
    """Bytes of the FLAC frame a packet starts with: to its checksum (RFC 9639 §9.3), or all if there is none.

    One position in 65,536 looks like a checksum by chance, so this may be too short; it reads every byte: use rarely.
    """
    crc = 0
    for at, byte in enumerate(packet, start=1):
        crc = (crc << 8 & 0xFFFF) ^ _CRC16[crc >> 8 ^ byte]
        if crc == 0 and at >= _SHORTEST_FLAC_FRAME:
            return at
    return len(packet)


def _crc16_of(byte: int) -> int:
    crc = byte << 8
    for _ in range(8):
        crc = crc << 1 ^ (0x8005 if crc & 0x8000 else 0)
    return crc & 0xFFFF


_CRC16 = [_crc16_of(byte) for byte in range(256)]
_LONGEST_HEADER = 7
_SHORTEST_FLAC_FRAME = 11
