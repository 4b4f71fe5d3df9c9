"""Chunks in, one audio file out.

Neighbouring chunks form *runs*: a chunk that starts a file begins a run, chunks without a start continue it. The
bytes of a run are joined and decoded as one stream; the audio of the runs is joined sample by sample. A chunk
that is missing or cannot be decoded is a gap with its length (see gaps.py), and the run goes on behind it, from
the first point where its format can be picked up, with the opening bytes of its file put in front.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from shared.audio.decode import decode
from shared.audio.flac import RATE, FlacWriter, insert_silences
from shared.audio.formats import FORMATS, Format, skip_trailers, spare_opening
from shared.audio.gaps import ChunkSpan, Layout, lay_out
from shared.audio.pcm import WavHeader, aligned, is_noise, read_wav_header, samples_end
from shared.audio.sniff import Container, begins_anew, container_of, is_foreign
from shared.audio.sources import Chunk, ChunkSource, MissingChunk, SessionBytes
from shared.audio.stretch import Stretch
from shared.audio.timeline import MISSING, UNDECODABLE, Timeline
from shared.domain.errors import AudioUndecodable
from shared.domain.transcript import Gap

__all__ = ["ChunkSource", "ChunkSpan", "MissingChunk", "Stitched", "stitch"]


def _laid_out(timeline: Timeline) -> Layout:
    if not timeline.spans:
        raise AudioUndecodable(f"none of {len(timeline.session.chunks)} chunks could be decoded")
    return lay_out(timeline)


_MOST_PASSES = 64
"""Of a demuxer over one run: random bytes must not make the work grow with the square of their length."""


@dataclass(frozen=True)
class Stitched:
    """What was written: its length, where audio is missing (silent in the file), and where each chunk is."""

    duration_ms: int
    gaps: tuple[Gap, ...]
    chunks: tuple[ChunkSpan, ...]


def stitch(chunks: Sequence[Chunk], out: Path, *, progress: Callable[[int, int], None] | None = None) -> Stitched:
    """Write the session's audio to `out` as 16 kHz mono 16-bit FLAC.

    `chunks` in order of time, missing ones in their places. `progress(bytes read, bytes in all)` is called from
    this thread. Memory and open files do not grow with the session; beside `out`, at most one more file of its
    size is written, and only if there are gaps. Same input, same bytes.
    Raises: AudioUndecodable, with nothing left at `out`; whatever opening or reading a chunk raises.
    """
    try:
        with SessionBytes(chunks, progress) as session, FlacWriter(out) as flac:
            timeline = Timeline(session, flac)
            _Stitching(session, flac, timeline).play()
            timeline.finish()
        layout = _laid_out(timeline)
        if layout.silences:
            insert_silences(out, layout.silences)
    except BaseException:
        out.unlink(missing_ok=True)
        raise
    samples = flac.samples + sum(length for _, length in layout.silences)
    return Stitched(samples * 1000 // RATE, layout.gaps, layout.chunks)


@dataclass(frozen=True)
class _Run:
    """A file, whole or in pieces: what it is, where it starts (None if that is lost), and its first bytes."""

    container: Container
    start: int | None
    head: bytes
    wav: WavHeader | None = None

    @property
    def kind(self) -> Format:
        """How its container is read."""
        return FORMATS[self.container]

    def opening(self, session: SessionBytes, end: int) -> bytes | None:
        """What a demuxer must see before it can read from the middle; None if there is no reading from there."""
        if self.wav:
            return self.wav.opening
        if self.start is None:
            return spare_opening() if self.container is Container.WEBM else b""
        return self.kind.opening(session, self.start, end)


@dataclass(frozen=True)
class _Played:
    """How playing a run went, and the index of the chunk after it."""

    heard: bool
    damaged: bool
    following: int


class _Stitching:
    """Plays the runs of one session, in order."""

    def __init__(self, session: SessionBytes, flac: FlacWriter, timeline: Timeline) -> None:
        self._session = session
        self._flac = flac
        self._timeline = timeline
        self._run: _Run | None = None

    def play(self) -> None:
        """Play every chunk there is."""
        index = 0
        while index < len(self._session.chunks):
            index = self._play_from(index)

    def _play_from(self, index: int) -> int:
        """Play the chunk and all that join it; gives the index of the next one."""
        if isinstance(self._session.chunks[index], MissingChunk):
            self._timeline.lose(index, MISSING)
            return index + 1
        if self._run is not None and self._continues(self._run, index):
            return self._resume(self._run, index)
        started = self._file_at(index)
        if started is not None:
            return self._begin(started, index)
        headless = self._headless(index) if self._run is None else None
        if headless is not None:
            return self._resume(headless, index)
        self._timeline.lose(index, UNDECODABLE)
        return index + 1

    def _file_at(self, index: int) -> _Run | None:
        head = self._session.joined_head(index)
        container = None if is_foreign(self._session.head(index)) else container_of(head)
        start = self._session.starts[index]
        wav = read_wav_header(self._session, start) if container is Container.WAV else None
        if container is None or (container is Container.WAV and wav is None):
            return None
        return _Run(container, start, head, wav)

    def _begin(self, run: _Run, index: int) -> int:
        """Play a file from its start. If it gives no sound its pieces may still be read as more of the file before."""
        assert run.start is not None
        opening, begin = (run.wav.opening, run.wav.begin) if run.wav else (b"", run.start)
        played = self._play_run(run, opening, begin, index)
        if played.heard:
            return played.following
        self._timeline.lose(index, UNDECODABLE, empty=not played.damaged)
        return index + 1

    def _resume(self, run: _Run, index: int) -> int:
        """Go on with a run behind a gap, from the first point in this chunk where that is possible."""
        start, end = self._session.starts[index], self._session.starts[index + 1]
        if run.wav:
            begin: int | None = aligned(self._session, run.wav, start)
        else:
            begin = self._session.find(run.kind.sync, start, end)
        opening = run.opening(self._session, end)
        if begin is not None and opening is not None:
            played = self._play_run(run, opening, begin, index)
            if played.heard:
                return played.following
        self._timeline.lose(index, UNDECODABLE)
        return index + 1

    def _play_run(self, run: _Run, opening: bytes, begin: int, index: int) -> _Played:
        """Play from `begin`, in chunk `index`, to where chunks stop joining.

        Damage can end a demuxer's pass before the bytes end: then another starts at the next point possible.
        """
        damaged, passes, reached = False, 0, begin
        while True:
            stretch = Stretch(self._session, opening, begin, index, lambda chunk: self._end_in(run, chunk))
            reached = max(reached, self._play_pass(run, stretch))
            end = stretch.find_end()
            damaged, passes = damaged or stretch.damaged, passes + 1
            reached = skip_trailers(self._session, run.kind, reached, end)
            again = self._next_pass(run, max(reached, begin + 1), end) if passes < _MOST_PASSES else None
            if again is None:
                break
            opening, begin = again
            index = self._session.chunk_at(begin)
        if heard := self._run is run:
            self._timeline.skip(reached, end)
        return _Played(heard, damaged, stretch.following)

    def _play_pass(self, run: _Run, stretch: Stretch) -> int:
        """Write what one demuxer gives; returns the address after its last packet, 0 without any."""
        reached = 0
        for sound in decode(stretch, run.kind):
            begins = None
            if self._run is not run:  # the first sound of another file: from here on this is the run to continue
                self._flac.settle()
                self._run, begins = run, stretch.address(0) if run.start is None else run.start
            self._timeline.hear(sound.address, sound.size, sound.time_ms, sound.length_ms, begins=begins)
            for frame in sound.frames:
                self._flac.write(frame)
            reached = sound.address + sound.size
        return reached

    def _next_pass(self, run: _Run, reached: int, end: int) -> tuple[bytes, int] | None:
        if run.wav or reached >= end:
            return None
        begin = self._session.find(run.kind.sync, reached, end)
        opening = None if begin is None else run.opening(self._session, end)
        return None if begin is None or opening is None else (opening, begin)

    def _end_in(self, run: _Run, index: int) -> int | None:
        """Where a run's bytes end in a chunk; None if the chunk is not there or no part of it."""
        if index >= len(self._session.chunks) or isinstance(self._session.chunks[index], MissingChunk):
            return None
        start, end = self._session.starts[index], self._session.starts[index + 1]
        if start != run.start and not self._continues(run, index):
            return None
        return samples_end(self._session, run.wav, end) if run.wav else end

    def _continues(self, run: _Run, index: int) -> bool:
        head = self._session.head(index)
        so_far = self._session.starts[index] - (run.start or 0)
        if not head or is_foreign(head) or begins_anew(self._session.joined_head(index), run.head, so_far):
            return False
        return run.wav is None or not is_noise(head, run.wav)

    def _headless(self, index: int) -> _Run | None:
        """The file a chunk belongs to whose first chunk is lost, where that can be read all the same."""
        if is_foreign(self._session.head(index)):
            return None
        start, end = self._session.starts[index], self._session.starts[index + 1]
        for container in (Container.WEBM, Container.MP3, Container.ADTS):
            if self._session.find(FORMATS[container].sync, start, end) is not None:
                return _Run(container, None, self._session.head(index))
        return None
