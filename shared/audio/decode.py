"""One pass of a demuxer and decoder over a stretch of bytes."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import av

from shared.audio.formats import Format
from shared.audio.sources import SessionBytes

EndIn = Callable[[int], int | None]


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


class Stretch(io.RawIOBase):
    """What a demuxer reads: `opening`, then the session's bytes from `begin` for as long as chunks continue.

    `chunk` holds the first of them. `end_in(chunk index)` is asked for each chunk from there on, when its first byte
    is wanted, and gives the address where the stretch ends in it, or None if the chunk has no part in it.
    The size is not told in advance (SEEK_END is refused), so FFmpeg reads forward, and no chunk is opened before
    its turn.
    """

    def __init__(self, session: SessionBytes, opening: bytes, begin: int, chunk: int, end_in: EndIn) -> None:
        super().__init__()
        self._session = session
        self._opening = opening
        self._end_in = end_in
        self._begin = begin
        self._at = 0
        self._last = chunk
        self._ended = False
        self.end = end_in(chunk) or begin
        """Address after the last byte known to belong to it."""
        self.damaged = False
        """Whether something in it could not be decoded."""

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Yes: an index at the end of a file must be reached."""
        return True

    def tell(self) -> int:
        """The position a demuxer knows: the opening comes first."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a position from the start or from here; -1 for positions from an end that is not known yet."""
        if whence == io.SEEK_END:
            return -1
        self._at = offset if whence == io.SEEK_SET else self._at + offset
        return self._at

    def read(self, count: int = -1) -> bytes:
        """Up to `count` bytes, empty at the end."""
        if self._at < len(self._opening):
            part = self._opening[self._at : self._at + count]
        else:
            address = self.address(self._at)
            while address >= self.end and self._extend():
                pass
            part = self._session.read(address, min(count, max(self.end - address, 0)))
        self._at += len(part)
        return part

    def address(self, position: int) -> int:
        """Where in the session a position of this stretch is; never before its begin."""
        return max(position - len(self._opening), 0) + self._begin

    @property
    def following(self) -> int:
        """Index of the chunk after the last that belongs to it, as far as known."""
        return self._last + 1

    def find_end(self) -> int:
        """Ask for chunks until one does not join; gives the address after the last byte."""
        while self._extend():
            pass
        return self.end

    def _extend(self) -> bool:
        """Take in the next chunk, if it belongs to this stretch and the last one belongs to it to its end."""
        if self._ended or self.end < self._session.starts[self._last + 1]:
            return False
        end = self._end_in(self._last + 1)
        self._ended = end is None
        if end is not None:
            self.end, self._last = end, self._last + 1
        return not self._ended


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
        position = 0
        for packet in _packets(file, stretch):
            position = packet.pos if packet.pos is not None else position
            try:
                frames = [frame for frame in packet.decode() if frame.samples]
            except av.FFmpegError:
                stretch.damaged = True
                continue
            if frames:
                timed = kind.timed and packet.pts is not None
                time_ms = float(packet.pts * packet.time_base * 1000) if timed else None
                yield Sound(stretch.address(position), packet.size, time_ms, frames)


def _packets(file: Any, stretch: Stretch) -> Iterator[Any]:
    try:
        yield from file.demux(file.streams.audio[0])
    except av.FFmpegError:
        stretch.damaged = True
