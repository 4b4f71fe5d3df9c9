"""WAV: raw samples behind a header that recorders rarely get right.

A recorder that streams cannot know the length in advance, and writes 0, 0xFFFFFFFF or the length of its first
chunk. So the header is read here, and the samples are taken to go on for as long as the bytes do.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shared.audio.formats import FORMATS
from shared.audio.sniff import Container
from shared.audio.sources import SessionBytes

_UNKNOWN = b"\xff\xff\xff\xff"
_UNCOMPRESSED = (1, 0xFFFE)  # WAVE_FORMAT_PCM, WAVE_FORMAT_EXTENSIBLE
_ENOUGH_SAMPLES = 64
_FLATNESS_OF_NOISE = 1.4
_PHASE_WINDOW = 8192


@dataclass(frozen=True)
class WavHeader:
    """`opening` is the header with its length unknown; samples begin at address `begin`, and end at `end` if known.

    `frame_bytes` is the size of one sample of all channels; `sample_bytes` of one channel, 0 if not plain PCM.
    """

    opening: bytes
    begin: int
    end: int | None
    frame_bytes: int
    sample_bytes: int


def read_wav_header(session: SessionBytes, start: int) -> WavHeader | None:
    """The header of the WAV file at `start`; None where there is no `fmt ` and `data` chunk in the first 64 KiB."""
    head = session.read(start, 64 * 1024)
    at, frame_bytes, sample_bytes = 12, 0, 0
    while at + 8 <= len(head):
        name, size = head[at : at + 4], int.from_bytes(head[at + 4 : at + 8], "little")
        if name == b"data" and frame_bytes:
            # RF64 keeps lengths elsewhere; with the length unknown it is a plain RIFF again (EBU Tech 3306).
            opening = b"RIFF" + _UNKNOWN + head[8 : at + 4] + _UNKNOWN
            end = None if size in (0, 0xFFFFFFFF) else start + at + 8 + size
            return WavHeader(opening, start + at + 8, end, frame_bytes, sample_bytes)
        if name == b"fmt ":
            tag, bits = (int.from_bytes(head[at + o : at + o + 2], "little") for o in (8, 22))
            frame_bytes = int.from_bytes(head[at + 20 : at + 22], "little")
            sample_bytes = bits // 8 if tag in _UNCOMPRESSED else 0
        at += 8 + size + size % 2
    return None


def samples_end(session: SessionBytes, header: WavHeader, end: int) -> int:
    """Where the samples of a file end whose bytes end at `end`.

    The header's length holds if the file ends there or goes on with a RIFF chunk; otherwise more samples follow.
    """
    if header.end is None or header.end >= end:
        return end
    trailer = FORMATS[Container.WAV].trailer(session.read(header.end, 16))
    return end if trailer is None else header.end


def is_noise(head: bytes, header: WavHeader) -> bool:
    """Whether bytes cannot be samples: the most significant byte of sound is never evenly spread, of garbage it is.

    Measured by the index of coincidence, which is 1 for even spread at any length; speech has 5 and more.
    """
    width = header.sample_bytes
    if width < 2:  # noqa: PLR2004 (with 8 bits every byte is a most significant one, and hiss looks like garbage)
        return False
    top = np.frombuffer(head, dtype=np.uint8)
    return all(_is_flat(top[phase::width]) for phase in range(width))


def aligned(session: SessionBytes, header: WavHeader, address: int) -> int:
    """Where the first whole sample frame begins after lost bytes: the phase at which the signal is smoothest."""
    window = session.read(address, _PHASE_WINDOW)
    if header.sample_bytes != 2 or len(window) < 4 * header.frame_bytes:  # noqa: PLR2004 (16 bits, as recorders write)
        return address
    roughness = [_roughness(window[phase:], header.frame_bytes) for phase in range(header.frame_bytes)]
    best = int(np.argmin(roughness))
    return address + best if roughness[best] < roughness[0] / 2 else address


def _is_flat(values: npt.NDArray[np.uint8]) -> bool:
    n = len(values)
    if n < _ENOUGH_SAMPLES:
        return False
    counts = np.bincount(values, minlength=256).astype(np.float64)
    return bool((counts * (counts - 1)).sum() * 256 / (n * (n - 1)) < _FLATNESS_OF_NOISE)


def _roughness(window: bytes, frame_bytes: int) -> float:
    whole = len(window) - len(window) % frame_bytes
    first = np.frombuffer(window[:whole], dtype="<i2").reshape(-1, frame_bytes // 2)[:, 0].astype(np.float64)
    return float(np.abs(np.diff(first)).mean())
