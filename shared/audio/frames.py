"""Frame headers of the two formats that are nothing but frames: MPEG audio (MP3) and AAC in ADTS."""

from __future__ import annotations

from collections.abc import Callable

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


def starts_with_frames(data: bytes, frame_length: FrameLength, *, at: int = 0) -> bool:
    """Whether whole frames of one stream follow each other from `at` on.

    One header is a coincidence (1 in 2,000 in random bytes), so two must stand exactly a frame apart, three where
    `data` reaches that far; a single frame counts only if it is all there is.
    """
    first, position = data[at : at + 4], at
    for found in range(3):
        if found and position == len(data):
            return True
        length = frame_length(data, position)
        if length is None or not same_stream(first, data[position : position + 4]):
            return found > 1 and len(data) < position + 7
        position += length
    return True


def same_stream(one: bytes, other: bytes) -> bool:
    """Whether two frame headers agree in version, layer, protection and sampling rate, as frames of one stream do."""
    if len(one) < 3 or len(other) < 3:  # noqa: PLR2004
        return False
    return one[1] == other[1] and (one[2] & 0x0C) == (other[2] & 0x0C)


def find_frames(data: bytes, frame_length: FrameLength) -> int | None:
    """Where the first row of whole frames begins, in bytes; None when there is none."""
    at = data.find(b"\xff")
    while at >= 0:
        if frame_length(data, at) is not None and starts_with_frames(data, frame_length, at=at):
            return at
        at = data.find(b"\xff", at + 1)
    return None
