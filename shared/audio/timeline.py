"""Listens while a session is decoded: when each chunk sounds, and where sound is missing."""

from __future__ import annotations

from dataclasses import dataclass

from shared.audio.flac import FlacWriter
from shared.audio.sources import SessionBytes

MISSING = "missing"
UNDECODABLE = "undecodable"

_HOLE_MS = 1000
"""Jumps in time below this are jitter, or a packet or two: not worth a gap's line in a transcript."""
_LONGEST_HOLE_MS = 4 * 60 * 60 * 1000
"""Longer jumps are damaged timestamps: sessions are at most four hours."""
_PAGE_MS = 2000
_WHOLE = 0.9
_PACKET_BYTES = 2048
_FEW_BYTES = 32
_HEADER_BYTES = 8 * 1024


@dataclass(frozen=True)
class Loss:
    """What one chunk lacks: `size` of its bytes made no sound, `whole` if that is practically all of them.

    `empty` means a sound file without any sound in it: nothing is lost with it.
    """

    chunk: int
    reason: str
    size: int
    whole: bool
    empty: bool = False


@dataclass(frozen=True)
class Hole:
    """Lost audio at a position in what was written, in samples. `length_ms` where the container tells it."""

    at: int
    losses: tuple[Loss, ...]
    length_ms: float | None


class Timeline:
    """Told of every sound and every loss in order; `holes` and `spans` (samples, by chunk) hold the outcome."""

    def __init__(self, session: SessionBytes, flac: FlacWriter) -> None:
        self.session = session
        self.holes: list[Hole] = []
        self.spans: dict[int, tuple[int, int]] = {}
        self._flac = flac
        self._lost: dict[int, Loss] = {}
        self._silent: dict[int, int] = {}
        self._spared: dict[int, int] = {}
        self._spared_until = 0.0
        self._chunk: int | None = None
        self._clock_ms: float | None = None
        self._reached = 0

    def lose(self, chunk: int, reason: str, *, empty: bool = False) -> None:
        """A whole chunk makes no sound."""
        self._lost[chunk] = Loss(chunk, reason, self.session.chunk_size(chunk), whole=True, empty=empty)

    def hear(self, address: int, size: int, time_ms: float | None, length_ms: float, *, begins: int | None) -> None:
        """A packet was decoded; to be called before its audio is written.

        `begins` is the address of the file whose first sound this is: its times are not those of the file before.
        """
        if begins is not None:
            self._clock_ms = None
            self._skip_header(begins, address)
        else:
            self.skip(self._reached, address)
        self._close_hole(None if time_ms is None or self._clock_ms is None else time_ms - self._clock_ms)
        chunk = self.session.chunk_at(address)
        if chunk != self._chunk:
            self._end_span()
            self._chunk = chunk
        self.spans.setdefault(chunk, (self._flac.samples, self._flac.samples))
        self._clock_ms = None if time_ms is None else time_ms + length_ms
        self._reached = address + size

    def skip(self, begin: int, end: int) -> None:
        """These bytes made no sound."""
        while begin < end:
            chunk = self.session.chunk_at(begin)
            stop = min(end, self.session.starts[chunk + 1])
            self._silent[chunk] = self._silent.get(chunk, 0) + stop - begin
            self._reached = begin = stop

    def finish(self) -> None:
        """Nothing more comes."""
        self._flac.settle()
        self._close_hole(None)
        self._end_span()

    def _skip_header(self, begin: int, address: int) -> None:
        """Before a file's first sound stand headers. Whole chunks of more than a header's size are lost, though."""
        first, sounding = self.session.chunk_at(begin), self.session.chunk_at(address)
        for chunk in range(first, sounding):
            if self.session.chunk_size(chunk) > _HEADER_BYTES:
                self.skip(self.session.starts[chunk], self.session.starts[chunk + 1])
                self._clock_ms = 0.0

    def _close_hole(self, jump_ms: float | None) -> None:
        """The end of a row of losses. `jump_ms` is how far the container's time went on without sound."""
        if jump_ms is not None and jump_ms < _HOLE_MS and not self._lost:
            self._spare()
            return
        if jump_ms is not None:
            self._silent = self._spared | self._silent
        losses = self._losses(timed=jump_ms is not None)
        if jump_ms is not None and jump_ms >= _HOLE_MS and not losses and self._chunk is not None:
            losses = (Loss(self._chunk, UNDECODABLE, 0, whole=False),)  # cut off at its end
        self._lost, self._silent, self._spared = {}, {}, {}
        if losses:
            believable = jump_ms is not None and -_HOLE_MS < jump_ms <= _LONGEST_HOLE_MS
            at = self._flac.settle()
            self._end_span()
            self._chunk = None
            self.holes.append(Hole(at, losses, max(jump_ms or 0.0, 0.0) if believable else None))

    def _spare(self) -> None:
        """No time is lost with the silent bytes: they were a container's overhead, or shortly precede a jump.

        An Ogg page that damage interrupts is only finished behind the damage, and so seems to stand there; the jump
        in time comes a page later.
        """
        if self._silent:
            self._spared, self._spared_until = self._silent, (self._clock_ms or 0.0) + _PAGE_MS
            self._silent = {}
        elif self._spared and (self._clock_ms or 0.0) > self._spared_until:
            self._spared = {}

    def _losses(self, *, timed: bool) -> tuple[Loss, ...]:
        """Chunks lost whole; only where there are none, chunks that lost a part."""
        found = dict(self._lost)
        partial: dict[int, Loss] = {}
        for chunk, size in self._silent.items():
            whole = self._is_whole(size, self.session.chunk_size(chunk))
            if whole and size >= _FEW_BYTES:
                found.setdefault(chunk, Loss(chunk, UNDECODABLE, size, whole=True))
            elif timed or size >= _HEADER_BYTES:
                partial[chunk] = Loss(chunk, UNDECODABLE, size, whole=False)
        return tuple(loss for _, loss in sorted((found or partial).items()))

    @staticmethod
    def _is_whole(silent: int, size: int) -> bool:
        """Practically all of a chunk; what is left may have gone into a packet that the chunk before began."""
        return size - silent <= max((1 - _WHOLE) * size, min(_PACKET_BYTES, size / 2))

    def _end_span(self) -> None:
        if self._chunk is not None:
            self.spans[self._chunk] = (self.spans[self._chunk][0], self._flac.samples)
