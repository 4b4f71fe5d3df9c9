"""The stitched audio on disk: 16 kHz mono 16-bit FLAC, written and read as a stream."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import av
import numpy as np
import numpy.typing as npt

from shared.domain.errors import AudioUndecodable

RATE = 16_000
"""Hz, of everything after stitching."""

_LAYOUT = "mono"
_FORMAT = "s16"
_SILENCE_SAMPLES = RATE
_BLOCK_SAMPLES = 4608


class FlacWriter:
    """Appends decoded audio of any rate, layout and sample format. Memory does not grow with length."""

    def __init__(self, path: Path) -> None:
        # Without the bitexact flag the header names the library's version: same audio, different bytes.
        self._file: Any = av.open(str(path), "w", format="flac", options={"fflags": "+bitexact"})
        self._stream: Any = self._file.add_stream("flac", rate=RATE, layout=_LAYOUT)
        self._stream.format = _FORMAT
        self._waiting: Any = av.AudioFifo()  # a call of the encoder costs as much for 20 ms as for 300
        self._resampler: Any = None
        self._source: tuple[object, ...] = ()
        self.samples = 0
        """Taken so far, at RATE; the resampler may still hold a few (see `settle`)."""

    def __enter__(self) -> FlacWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._finish()
        finally:
            self._file.close()

    def write(self, frame: Any) -> None:
        """Append one decoded frame (av.AudioFrame). Its rate, layout or format may differ from the one before."""
        source = (frame.sample_rate, frame.layout.name, frame.format.name)
        if source != self._source:
            self.settle()
            self._source = source
            self._resampler = av.AudioResampler(format=_FORMAT, layout=_LAYOUT, rate=RATE)
        frame.pts = None  # samples are counted, not timed: a jump in time must not make the resampler invent any
        for resampled in self._resampler.resample(frame):
            self._encode(resampled)

    def settle(self) -> int:
        """Write what the resampler holds, so that the next frame joins exactly; gives the samples written."""
        if self._resampler is not None:
            for resampled in self._resampler.resample(None):
                if resampled is not None:
                    self._encode(resampled)
            self._resampler, self._source = None, ()
        return self.samples

    def write_samples(self, block: npt.NDArray[np.int16]) -> None:
        """Append mono samples that are at RATE already."""
        frame = av.AudioFrame.from_ndarray(block[np.newaxis, :], format=_FORMAT, layout=_LAYOUT)
        frame.sample_rate = RATE
        self._encode(frame)

    def _finish(self) -> None:
        self.settle()
        if self.samples:
            rest = self._waiting.read()
            if rest is not None:
                self._file.mux(self._stream.encode(rest))
            self._file.mux(self._stream.encode(None))

    def _encode(self, frame: Any) -> None:
        frame.pts, frame.time_base = self.samples, Fraction(1, RATE)
        self.samples += frame.samples
        self._waiting.write(frame)
        while (block := self._waiting.read(_BLOCK_SAMPLES)) is not None:
            self._file.mux(self._stream.encode(block))


def read_blocks(path: Path, block_ms: int, *, start_ms: int = 0) -> Iterator[npt.NDArray[np.float32]]:
    """The stitched audio from `start_ms` on as mono blocks of `block_ms` (the last may be shorter), -1…1, at RATE.

    Raises: AudioUndecodable when there is none in the file: damage must not pass for silence.
    """
    empty = True
    wanted = block_ms * RATE // 1000
    held: list[npt.NDArray[np.int16]] = []
    count = 0
    for piece in _read(path, start_ms * RATE // 1000):
        empty = False
        held.append(piece)
        count += len(piece)
        if count >= wanted:
            joined = np.concatenate(held)
            whole = count - count % wanted
            for start in range(0, whole, wanted):
                yield _as_float(joined[start : start + wanted])
            held, count = [joined[whole:]], count - whole
    if count:
        yield _as_float(np.concatenate(held))
    if empty:
        raise AudioUndecodable("the stitched file holds no audio")


def length_ms(path: Path) -> int:
    """How long the stitched audio is, as its header says: nothing is decoded.

    Raises: AudioUndecodable when it says nothing, or nothing can be read.
    """
    try:
        with av.open(str(path), format="flac") as file:
            samples = file.streams.audio[0].duration
    except (av.FFmpegError, IndexError) as error:
        raise AudioUndecodable("the stitched file is damaged") from error
    if not samples:
        raise AudioUndecodable("the stitched file holds no audio")
    return int(samples) * 1000 // RATE


def insert_silences(path: Path, silences: Sequence[tuple[int, int]]) -> None:
    """Put silence into a stitched file: pairs of (position in the present file, length), both in samples at RATE."""
    longer = path.with_name(path.name + ".filled")
    waiting = sorted(silences)
    position = 0
    try:
        with FlacWriter(longer) as flac:
            for block in _read(path):
                rest = block
                while waiting and waiting[0][0] <= position + len(rest):
                    at, length = waiting.pop(0)
                    before, rest, position = rest[: at - position], rest[at - position :], at
                    if len(before):
                        flac.write_samples(before)
                    _write_silence(flac, length)
                if len(rest):
                    flac.write_samples(rest)
                position += len(rest)
        longer.replace(path)
    finally:
        longer.unlink(missing_ok=True)


def _write_silence(flac: FlacWriter, length: int) -> None:
    for start in range(0, length, _SILENCE_SAMPLES):
        flac.write_samples(np.zeros(min(_SILENCE_SAMPLES, length - start), dtype=np.int16))


def _read(path: Path, first: int = 0) -> Iterator[npt.NDArray[np.int16]]:
    """Samples from number `first` on; what lies before it is passed over without being decoded."""
    try:
        with av.open(str(path), format="flac") as file:
            stream = file.streams.audio[0]
            if first:
                file.seek(first, stream=stream)  # to the frame it is in, or one before
            for frame in file.decode(stream):
                samples = frame.to_ndarray()[0]
                skip = max(0, first - (frame.pts or 0)) if first else 0
                if skip < len(samples):
                    yield samples[skip:]
    except av.FFmpegError as error:
        raise AudioUndecodable("the stitched file is damaged") from error


def _as_float(block: npt.NDArray[np.int16]) -> npt.NDArray[np.float32]:
    return block.astype(np.float32) / np.float32(32768)
