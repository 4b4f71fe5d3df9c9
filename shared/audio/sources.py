"""The bytes of a session's chunks, addressed as if they were one file."""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from shared.audio.sniff import HEAD_BYTES

_OPEN_AT_ONCE = 2
_READ_BYTES = 64 * 1024
_SHORT_CHUNK = 4096


@dataclass(frozen=True)
class ChunkSource:
    """A chunk that arrived. `label` names it in gaps, `size` is its exact length in bytes.

    `content` is a local file, or a function that opens a seekable stream of the bytes. Chunks are opened in order,
    at most two at a time, and closed when they are finished with, so an opener may fetch on open and delete on
    close. A chunk is opened again only where damage or an index at the end of a file makes a second look necessary.
    """

    label: str
    content: Path | Callable[[], BinaryIO]
    size: int

    def open(self) -> BinaryIO:
        """The chunk's bytes from the start. The caller closes the stream."""
        return self.content.open("rb") if isinstance(self.content, Path) else self.content()


@dataclass(frozen=True)
class MissingChunk:
    """The place of a chunk that never arrived."""

    label: str


Chunk = ChunkSource | MissingChunk


class SessionBytes:
    """Random access to all chunks through one address space; a missing chunk has no bytes.

    Chunk `i` takes the addresses `starts[i]` to `starts[i + 1]`.
    """

    def __init__(self, chunks: Sequence[Chunk], progress: Callable[[int, int], None] | None = None) -> None:
        self.chunks = chunks
        self.starts = (0, *accumulate(c.size if isinstance(c, ChunkSource) else 0 for c in chunks))
        self._open: OrderedDict[int, BinaryIO] = OrderedDict()
        self._progress = progress
        self._farthest = 0

    def __enter__(self) -> SessionBytes:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while self._open:
            self._open.popitem()[1].close()

    @property
    def size(self) -> int:
        """Bytes of all chunks together."""
        return self.starts[-1]

    def chunk_at(self, address: int) -> int:
        """The chunk that holds the byte at `address`."""
        return bisect_right(self.starts, address) - 1

    def chunk_size(self, index: int) -> int:
        """Bytes of one chunk."""
        return self.starts[index + 1] - self.starts[index]

    def head(self, index: int) -> bytes:
        """The first HEAD_BYTES of a chunk, or as many as it has."""
        start = self.starts[index]
        return self.read(start, min(HEAD_BYTES, self.chunk_size(index)))

    def joined_head(self, index: int) -> bytes:
        """The head of a chunk; of one too short to be judged alone, together with what follows it directly."""
        if self.chunk_size(index) >= _SHORT_CHUNK:
            return self.head(index)
        gap = next((n for n in range(index, len(self.chunks)) if isinstance(self.chunks[n], MissingChunk)), None)
        end = self.size if gap is None else self.starts[gap]
        return self.read(self.starts[index], min(2 * _SHORT_CHUNK, end - self.starts[index]))

    def read(self, address: int, count: int) -> bytes:
        """Up to `count` bytes from `address` on, across chunks; fewer only at the end of the session."""
        parts: list[bytes] = []
        while count > 0 and address < self.size:
            index = self.chunk_at(address)
            part = self._read_within(index, address - self.starts[index], count)
            if not part:
                raise ValueError(f"chunk {self.chunks[index].label} is shorter than its {self.chunk_size(index)} bytes")
            parts.append(part)
            address += len(part)
            count -= len(part)
        if parts:
            self._report(address)
        return b"".join(parts)

    def find(
        self, what: Callable[[bytes], int | None], begin: int, end: int, *, overlap: int = HEAD_BYTES
    ) -> int | None:
        """The first address in [begin, end) where `what` finds something in a window of bytes.

        Windows overlap, so that a pattern of up to `overlap` bytes is seen whole wherever it stands.
        """
        at = begin
        while at < end:
            window = self.read(at, min(_READ_BYTES + overlap, end - at))
            found = what(window)
            if found is not None:
                return at + found
            at += _READ_BYTES
        return None

    def _read_within(self, index: int, offset: int, count: int) -> bytes:
        stream = self._open.get(index)
        if stream is None:
            chunk = self.chunks[index]
            assert isinstance(chunk, ChunkSource)
            while len(self._open) >= _OPEN_AT_ONCE:
                self._open.popitem(last=False)[1].close()
            stream = self._open[index] = chunk.open()
        self._open.move_to_end(index)
        stream.seek(offset)
        return stream.read(min(count, self.chunk_size(index) - offset))

    def _report(self, address: int) -> None:
        if self._progress is not None and address > self._farthest:
            self._farthest = address
            self._progress(address, self.size)


def position_of(pattern: bytes, window: bytes) -> int | None:
    """Where a pattern first stands in a window of bytes."""
    at = window.find(pattern)
    return at if at >= 0 else None
