"""One pass of a demuxer and decoder over a stretch of bytes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import av

from shared.audio.formats import Format
from shared.audio.frames import flac_frame_size, flac_frame_start
from shared.audio.stretch import Stretch


@dataclass(frozen=True)
class Sound:
    """One packet and the audio decoded from it: address and size in bytes, time in ms where the format has times."""

    address: int
    size: int
    time_ms: float | None
    frames: list[Any]

    @property
    def length_ms(self) -> float:
        """How long it sounds."""
        return sum((1000.0 * frame.samples / frame.sample_rate for frame in self.frames), 0.0)


def decode(stretch: Stretch, kind: Format) -> Iterator[Sound]:
    """The sounds of a stretch, in order. What cannot be decoded is left out and makes the stretch `damaged`.

    Errors of reading (an opener's, a file's) are passed on as they are.
    """
    try:
        # Without ignidx a fragmented MP4 would be read to its end in search of all fragments before it plays.
        file = av.open(stretch, format=kind.demuxer, options={"fflags": "ignidx"})
    except av.FFmpegError:
        stretch.damaged = True
        return
    with file:
        if not file.streams.audio:
            stretch.damaged = True
            return
        # FLAC has checksums; unchecked, frames "found" in damaged bytes would be played as noise.
        file.streams.audio[0].codec_context.options = {"err_detect": "crccheck+explode"}
        packets = _BareFrames(stretch, kind) if kind.bare else _Packets(stretch, kind)
        for packet in _demux(file, stretch):
            try:
                frames = [frame for frame in packet.decode() if frame.samples] if packets.accept(packet) else []
            except av.FFmpegError:
                frames = []
                stretch.damaged = True
            if frames:
                yield packets.sound(packet, frames)


def _demux(file: Any, stretch: Stretch) -> Iterator[Any]:
    try:
        yield from file.demux(file.streams.audio[0])
    except av.FFmpegError:
        stretch.damaged = True


class _Packets:
    """Packets of a container: it knows where they stand and when they sound."""

    def __init__(self, stretch: Stretch, kind: Format) -> None:
        self._stretch = stretch
        self._kind = kind
        self._reached = stretch.address(0)

    def accept(self, packet: Any) -> bool:
        """Whether the packet is the stream's own, not a look-alike in damaged bytes."""
        return True

    def sound(self, packet: Any, frames: list[Any]) -> Sound:
        """The packet's place, size and time with its audio."""
        address = self._address(packet)
        size = self._size(packet, address)
        self._reached = address + size
        return Sound(address, size, self._time_ms(packet, frames) if self._kind.timed else None, frames)

    def _address(self, packet: Any) -> int:
        """Audio a decoder gives out at the end, without a packet, stands at the end."""
        return self._reached if packet.pos is None else self._stretch.address(packet.pos)

    def _size(self, packet: Any, address: int) -> int:
        return int(packet.size)

    def _time_ms(self, packet: Any, frames: list[Any]) -> float | None:
        return None if frames[0].pts is None else float(1000 * frames[0].pts * frames[0].time_base)


class _BareFrames(_Packets):
    """Packets FFmpeg finds by their sync words alone (MP3, ADTS, FLAC).

    In damaged bytes it takes look-alikes for frames, gives all bytes up to the next sync word as one packet, and
    loses count of the bytes it passes over. So headers are compared, sizes cut to the frame's own, and positions
    verified wherever a chunk begins and for a while after one was wrong.
    """

    def __init__(self, stretch: Stretch, kind: Format) -> None:
        super().__init__(stretch, kind)
        self._first: bytes | None = None
        self._block = 0
        self._drift = 0
        self._verified_until = self._reached
        self._doubtful = 0

    def accept(self, packet: Any) -> bool:
        """Whether the header agrees with the first one of the stream."""
        if self._kind.frames is None or packet.size == 0:
            return True
        header = bytes(memoryview(packet)[:4])
        self._first = self._first or header
        return self._kind.frames.same_stream(self._first, header)

    def _address(self, packet: Any) -> int:
        if packet.pos is None:
            return self._reached
        claimed = self._stretch.address(packet.pos) + self._drift
        if claimed < self._verified_until and not self._doubtful:
            return claimed
        address = self._stretch.locate(bytes(memoryview(packet)[:_FINGERPRINT]), claimed, self._reached)
        self._drift += address - claimed
        self._doubtful = _DOUBTFUL if address != claimed else max(self._doubtful - 1, 0)
        self._verified_until = self._stretch.chunk_end(address)
        return address

    def _size(self, packet: Any, address: int) -> int:
        size: int = packet.size
        if self._kind.frames is not None and size:
            return min(size, self._kind.frames.length(bytes(memoryview(packet)[:8]), 0) or size)
        crosses = self._stretch.chunk_end(address) - address < size
        return flac_frame_size(bytes(packet)) if crosses else size

    def _time_ms(self, packet: Any, frames: list[Any]) -> float | None:
        """FLAC's frames are numbered; the demuxer only counts those it has seen."""
        self._block = max(self._block, frames[0].samples)
        start = flac_frame_start(bytes(memoryview(packet)[:16]), self._block) if packet.size else None
        return None if start is None else 1000 * start / frames[0].sample_rate


_FINGERPRINT = 16
"""Bytes by which a frame is found again: its header and some of what is in it."""
_DOUBTFUL = 8
