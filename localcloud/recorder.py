"""Plays the part of a phone or a browser: a recording in, chunks as recorders deliver them out."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.int16]

_OPUS = {"application": "voip"}


@dataclass(frozen=True)
class Recorder:
    """One kind of recorder: FFmpeg's names of container and codec, sampling rate in Hz, and their options."""

    container: str
    codec: str
    rate: int = 48_000
    layout: str = "mono"
    bit_rate: int | None = None
    container_options: dict[str, str] = field(default_factory=dict)
    codec_options: dict[str, str] = field(default_factory=dict)


RECORDERS = {
    "webm": Recorder("webm", "libopus", container_options={"live": "1"}, bit_rate=32_000, codec_options=_OPUS),
    "ogg": Recorder("ogg", "libopus", bit_rate=32_000, codec_options=_OPUS),
    "mp3": Recorder("mp3", "libmp3lame", bit_rate=64_000),
    "mp3-bare": Recorder(
        "mp3", "libmp3lame", bit_rate=64_000, container_options={"write_xing": "0", "id3v2_version": "0"}
    ),
    "m4a": Recorder("ipod", "aac", bit_rate=64_000),
    "m4a-fragmented": Recorder(
        "mp4",
        "aac",
        bit_rate=64_000,
        container_options={"movflags": "empty_moov+default_base_moof", "frag_duration": "1000000"},
    ),
    "aac": Recorder("adts", "aac", bit_rate=64_000),
    "wav": Recorder("wav", "pcm_s16le", rate=16_000, container_options={"fflags": "+bitexact"}),
    "flac": Recorder("flac", "flac", rate=16_000),
}
"""The recorders known by name. `webm` is what MediaRecorder writes in browsers, `m4a-fragmented` in Safari; `m4a`,
with its index at the end, what iOS and Android apps write."""


def samples_of(audio: Path) -> Samples:
    """A 16 kHz mono 16-bit recording, whole in memory."""
    with av.open(str(audio)) as file:
        return np.concatenate([frame.to_ndarray()[0] for frame in file.decode(audio=0)])


def encode(samples: Samples, recorder: Recorder) -> bytes:
    """One complete file as the recorder would have written it."""
    out = io.BytesIO()
    with av.open(out, "w", format=recorder.container, options=recorder.container_options) as file:
        stream: Any = file.add_stream(recorder.codec, rate=recorder.rate, layout=recorder.layout)
        stream.options = recorder.codec_options
        if recorder.bit_rate is not None:
            stream.bit_rate = recorder.bit_rate
        frame: Any = av.AudioFrame.from_ndarray(samples[np.newaxis, :], format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 16_000, 0, Fraction(1, 16_000)
        resampler = av.AudioResampler(format=stream.format.name, layout=recorder.layout, rate=recorder.rate)
        for resampled in (*resampler.resample(frame), *resampler.resample(None)):
            if resampled is not None:
                file.mux(stream.encode(resampled))
        file.mux(stream.encode(None))
    return out.getvalue()


def cut(recording: bytes, pieces: int) -> list[bytes]:
    """One file in pieces of equal size, of which only the first has a header."""
    bounds = [len(recording) * n // pieces for n in range(pieces + 1)]
    return [recording[start:end] for start, end in pairwise(bounds)]


def record_stream(audio: Path, pieces: int, recorder: str = "webm") -> list[bytes]:
    """Chunks of a recorder that runs on and hands over what it has from time to time."""
    return cut(encode(samples_of(audio), RECORDERS[recorder]), pieces)


def record_webm(audio: Path, pieces: int) -> list[bytes]:
    """What MediaRecorder hands over with a time slice: one WebM stream in `pieces` chunks."""
    return record_stream(audio, pieces, "webm")
