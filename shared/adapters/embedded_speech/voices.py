"""Who speaks when, from the sound alone: speech is found, its windows become voiceprints, voiceprints become turns.

Speech is found by Silero VAD (in the faster-whisper wheel); voiceprints are CAM++ embeddings of Kaldi filterbanks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from shared.adapters.embedded_speech.cluster import USUAL_VOICES, find_voices
from shared.adapters.embedded_speech.smooth import FRAME_MS, Turn, change_costs, likeliest_path, log_odds, turns_of
from shared.audio.flac import RATE

Floats = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.intp]

VOICE_MODEL = Path(__file__).parent / "models" / "campplus.int8.onnx"

BANDS = 80
BAND_MS = 10
"""Time between two filterbank frames."""

WINDOW = 150
"""Frames the embedding model takes (1.5 s)."""

HOP = 50
"""Frames from one window to the next within a stretch of speech."""

SHORTEST = 20
"""A stretch with fewer frames says nothing about whose voice it is."""

RELIABLE = 100
"""Windows with fewer frames of speech have no say in what the voices are."""

REACH_MS = 300
"""How far a voiceprint speaks for the moments around its window's middle (standard deviation)."""

JOINED_MS = 1000
"""A pause shorter than this does not end a turn."""

BATCH = 16


@dataclass(frozen=True)
class Stretch:
    """Uninterrupted speech, in ms from the start of the session, with its windows.

    Of each window: its middle (ms), how many of its frames are speech, its voiceprint (a unit vector).
    """

    start_ms: int
    end_ms: int
    middles_ms: npt.NDArray[np.float64]
    lengths: Numbers
    prints: Floats


class Voiceprints:
    """The embedding model, loaded once from an ONNX file."""

    def __init__(self, model: Path, *, threads: int) -> None:
        import onnxruntime  # noqa: PLC0415 (heavy: only where speech is recognised)

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.enable_cpu_mem_arena = False
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            str(model), sess_options=options, providers=["CPUExecutionProvider"]
        )

    def listen(self, samples: Floats, offset_ms: int) -> list[Stretch]:
        """The speech in a block of 16 kHz audio that starts `offset_ms` into the session."""
        pieces = [(start, end, filterbanks(samples[start:end])) for start, end in find_speech(samples)]
        pieces = [piece for piece in pieces if len(piece[2]) >= SHORTEST]
        windows = [_windows(len(bands)) for _, _, bands in pieces]
        crops = [(bands, first) for (_, _, bands), firsts in zip(pieces, windows, strict=True) for first in firsts]
        prints = iter(np.split(self._embed(crops), np.cumsum([len(firsts) for firsts in windows])))
        return [
            _stretch(start, end, len(bands), firsts, next(prints), offset_ms)
            for (start, end, bands), firsts in zip(pieces, windows, strict=True)
        ]

    def _embed(self, crops: Sequence[tuple[Floats, int]]) -> Floats:
        """Unit vectors, one a crop."""
        found = [np.empty((0, 192), dtype=np.float32)]
        for at in range(0, len(crops), BATCH):
            batch = np.stack([_crop(bands, first) for bands, first in crops[at : at + BATCH]])
            found += self._session.run(None, {"feat": batch})
        prints = np.concatenate(found)
        return cast(Floats, prints / np.maximum(np.linalg.norm(prints, axis=1, keepdims=True), 1e-9))


def find_speech(samples: Floats, longest_s: float = inf) -> list[tuple[int, int]]:
    """First and last sample of each stretch of speech in 16 kHz audio; pauses from 120 ms on part them.

    A stretch longer than `longest_s` is parted at its last pause of 100 ms, else where it gets too long.
    """
    from faster_whisper.vad import VadOptions, get_speech_timestamps  # noqa: PLC0415 (heavy)

    options = VadOptions(
        min_silence_duration_ms=120, speech_pad_ms=60, min_speech_duration_ms=150, max_speech_duration_s=longest_s
    )
    return [(found["start"], found["end"]) for found in get_speech_timestamps(samples, options)]


def filterbanks(samples: Floats) -> Floats:
    """Kaldi log-mel filterbanks `[frames, 80]` as the model was trained on: 25 ms windows each 10 ms, no dither."""
    import kaldi_native_fbank  # noqa: PLC0415 (only where speech is recognised)

    options = kaldi_native_fbank.FbankOptions()
    options.frame_opts.dither = 0
    options.mel_opts.num_bins = BANDS
    bank = kaldi_native_fbank.OnlineFbank(options)
    bank.accept_waveform(RATE, (samples * 32768).tolist())
    bank.input_finished()
    frames: list[Any] = [bank.get_frame(index) for index in range(bank.num_frames_ready)]
    return np.array(frames, dtype=np.float32).reshape(-1, BANDS)


def tell_apart(stretches: Sequence[Stretch], count: int | None) -> list[Turn]:
    """Turns in order of time; `count` is how many people speak, None lets the voices say."""
    if not stretches:
        return []
    prints = np.concatenate([stretch.prints for stretch in stretches])
    reliable = np.concatenate([stretch.lengths for stretch in stretches]) >= RELIABLE
    enough = reliable.sum() >= 2 * (count or USUAL_VOICES)
    voices = find_voices(prints[reliable] if enough else prints, count)
    moments = [np.arange(stretch.start_ms, stretch.end_ms, FRAME_MS) for stretch in stretches]
    cosines = np.concatenate([_at(times, stretch, voices) for times, stretch in zip(moments, stretches, strict=True)])
    stretch_of = np.repeat(np.arange(len(stretches)), [len(times) for times in moments])
    path = likeliest_path(log_odds(cosines), change_costs(stretch_of))
    starts = np.concatenate(moments)
    ends = np.minimum(starts + FRAME_MS, np.array([stretch.end_ms for stretch in stretches])[stretch_of])
    return _joined(turns_of(path, stretch_of, starts, ends))


def _windows(frames: int) -> Numbers:
    """First frames of the windows over a stretch; the last one ends with it."""
    if frames <= WINDOW:
        return np.zeros(1, dtype=np.intp)
    return np.append(np.arange(0, frames - WINDOW, HOP), frames - WINDOW)


def _crop(bands: Floats, first: int) -> Floats:
    """One window, mean removed; a short stretch is repeated until it fills the window."""
    crop = bands[first : first + WINDOW]
    crop = np.resize(crop, (WINDOW, BANDS))
    return cast(Floats, crop - crop.mean(axis=0))


def _stretch(start: int, end: int, frames: int, firsts: Numbers, prints: Floats, offset_ms: int) -> Stretch:
    lengths = np.minimum(frames - firsts, WINDOW)
    start_ms, end_ms = (offset_ms + sample * 1000 // RATE for sample in (start, end))
    return Stretch(start_ms, end_ms, start_ms + (firsts + lengths / 2) * BAND_MS, lengths, prints)


def _at(times: Numbers, stretch: Stretch, voices: Floats) -> npt.NDArray[np.float64]:
    """Cosine to each voice at each time of a stretch, from the windows around it."""
    away = (times[:, None] + FRAME_MS / 2 - stretch.middles_ms) / REACH_MS
    weights = np.exp(-0.5 * away**2) + 1e-9
    return cast(npt.NDArray[np.float64], weights @ (stretch.prints @ voices.T) / weights.sum(axis=1, keepdims=True))


def _joined(turns: Sequence[Turn]) -> list[Turn]:
    """Neighbouring turns of one voice as one, across short pauses."""
    joined: list[Turn] = []
    for turn in turns:
        last = joined[-1] if joined else None
        if last and last.voice == turn.voice and turn.start_ms - last.end_ms < JOINED_MS:
            joined[-1] = Turn(last.start_ms, turn.end_ms, turn.voice)
        else:
            joined.append(turn)
    return joined
