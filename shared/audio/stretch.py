"""A stretch of the session's bytes as a file that FFmpeg can read."""

from __future__ import annotations

import io
from collections.abc import Callable

from shared.audio.sources import SessionBytes, position_of

EndIn = Callable[[int], int | None]


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

    def chunk_end(self, address: int) -> int:
        """Where the chunk of an address ends."""
        return self._session.starts[self._session.chunk_at(address) + 1]

    def locate(self, pattern: bytes, claimed: int, begin: int) -> int:
        """The address of a pattern: where it is claimed to be, else the first from `begin` on, else the claim."""
        if self._session.read(claimed, len(pattern)) == pattern:
            return claimed
        found = self._session.find(lambda window: position_of(pattern, window), begin, self.end)
        return claimed if found is None else found

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
