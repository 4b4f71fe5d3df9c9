"""Engines for tests, held to the same contracts as the real ones.

`ToneSpeech` recognises a language of its own: each sentence of a script is a tone of its own pitch, spoken in a
voice that is a hum below it. So a test's chunks are real audio of a few hundred milliseconds, what it reads in a
transcript was really in them, and order, loss and doubling show.
"""

from __future__ import annotations

import asyncio
import io
import wave
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from shared.audio.flac import RATE, read_blocks
from shared.domain.errors import AudioUndecodable, EngineRefused
from shared.domain.transcript import Segment, Transcript, Word
from shared.ports import Progress

SENTENCE_MS = 200
PAUSE_MS = 100
"""Of silence after each sentence."""

_FRAME_MS = 20
_LOUD = 0.02
_LOWEST_PITCH = 500
_PITCH_STEP = 100
_HUMS = (120, 200, 280)
_FIRST_ABOVE_HUMS = 400
_SHORTEST_MS = 100

Samples = npt.NDArray[np.float32]


def say(sentence: int, voice: int = 0) -> bytes:
    """A WAV file, 16 kHz mono, SENTENCE_MS + PAUSE_MS long, in which a voice says one sentence of the script."""
    time = np.arange(SENTENCE_MS * RATE // 1000) / RATE
    spoken = 0.3 * np.sin(2 * np.pi * pitch_of(sentence) * time) + 0.2 * np.sin(2 * np.pi * _HUMS[voice] * time)
    return wav(np.concatenate([spoken, np.zeros(PAUSE_MS * RATE // 1000)]))


def silence(ms: int = SENTENCE_MS) -> bytes:
    """A WAV file in which nobody says anything."""
    return wav(np.zeros(ms * RATE // 1000))


def wav(samples: npt.NDArray[np.float64]) -> bytes:
    """A WAV file, 16 kHz mono, 16 bits."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes((samples * 32767).astype("<i2").tobytes())
    return file.getvalue()


def pitch_of(sentence: int) -> int:
    """Hz of the tone that stands for a sentence."""
    return _LOWEST_PITCH + _PITCH_STEP * sentence


@dataclass(frozen=True)
class _Tone:
    start_ms: int
    end_ms: int
    sentence: int
    voice: int


class ToneSpeech:
    """Implements `ports.SpeechEngine` for audio made with `say`. A tone that stands for nothing is not made up."""

    name = "tones-1"

    def __init__(self, script: Sequence[str]) -> None:
        self._script = script

    async def transcribe(
        self,
        audio: Path,
        *,
        locale: str,
        speakers_hint: int | None = None,
        phrases: Sequence[str] = (),
        progress: Progress | None = None,
    ) -> Transcript:
        """See SpeechEngine.transcribe."""
        return await asyncio.to_thread(self._transcribe, audio, locale, progress or (lambda _: None))

    def _transcribe(self, audio: Path, locale: str, progress: Progress) -> Transcript:
        try:
            frames = list(read_blocks(audio, _FRAME_MS))
        except AudioUndecodable as error:
            raise EngineRefused(f"audio cannot be read: {type(error).__name__}") from error
        duration_ms = sum(len(frame) for frame in frames) * 1000 // RATE
        tones = [tone for tone in _tones(frames) if tone.sentence < len(self._script)]
        progress(duration_ms)
        voices = list(dict.fromkeys(tone.voice for tone in tones))
        segments = tuple(
            self._segment(f"s{n}", tone, f"Speaker {voices.index(tone.voice) + 1}") for n, tone in enumerate(tones)
        )
        return Transcript(segments=segments, duration_ms=duration_ms, locale=locale, engine=self.name)

    def _segment(self, segment_id: str, tone: _Tone, speaker: str) -> Segment:
        text = self._script[tone.sentence]
        said = text.split()
        step = (tone.end_ms - tone.start_ms) / len(said)
        starts = [round(tone.start_ms + step * n) for n in range(len(said) + 1)]
        words = tuple(
            Word(start_ms=starts[n], end_ms=starts[n + 1], text=word, confidence=1) for n, word in enumerate(said)
        )
        return Segment(
            id=segment_id,
            start_ms=tone.start_ms,
            end_ms=tone.end_ms,
            speaker=speaker,
            text=text,
            confidence=1,
            words=words,
        )


def _tones(frames: list[Samples]) -> Iterator[_Tone]:
    """Loud stretches, each with its strongest tone and its strongest hum."""
    start = 0
    while start < len(frames):
        end = start
        while end < len(frames) and float(np.abs(frames[end]).max()) > _LOUD:
            end += 1
        if (end - start) * _FRAME_MS >= _SHORTEST_MS:
            sentence, voice = _heard(np.concatenate(frames[start:end]))
            yield _Tone(start * _FRAME_MS, end * _FRAME_MS, sentence, voice)
        start = end + 1


def _heard(sound: Samples) -> tuple[int, int]:
    strength = np.abs(np.fft.rfft(sound))
    pitches = np.fft.rfftfreq(len(sound), 1 / RATE)
    above = pitches >= _FIRST_ABOVE_HUMS
    pitch = float(pitches[above][strength[above].argmax()])
    hum = float(pitches[~above][strength[~above].argmax()])
    voice = min(range(len(_HUMS)), key=lambda n: abs(_HUMS[n] - hum))
    return round((pitch - _LOWEST_PITCH) / _PITCH_STEP), voice
