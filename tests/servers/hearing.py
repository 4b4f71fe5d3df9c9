"""What the speech servers hear with: any engine of ours, on audio that came over the wire."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from shared.audio.flac import FlacWriter
from shared.domain.transcript import Transcript
from shared.ports import SpeechEngine

KEY = "speech-key"  # what the servers let in
BYTES_PER_MS = 32
"""16 kHz, mono, 16 bits."""


async def hear_pcm(engine: SpeechEngine, pcm: bytes, locale: str, hints: Sequence[str] = ()) -> Transcript:
    """What the engine makes of raw samples, 16 kHz mono; nothing of nothing."""
    if not pcm:
        return Transcript()
    with tempfile.TemporaryDirectory() as folder:
        audio = Path(folder) / "heard.flac"
        with FlacWriter(audio) as flac:
            flac.write_samples(np.frombuffer(pcm, dtype="<i2"))
        return await engine.transcribe(audio, locale=locale, phrases=hints)


async def hear_file(
    engine: SpeechEngine, content: bytes, locale: str, hints: Sequence[str] = (), speakers: int | None = None
) -> Transcript:
    """What the engine makes of a FLAC file. Raises: EngineRefused."""
    with tempfile.TemporaryDirectory() as folder:
        audio = Path(folder) / "heard.flac"
        audio.write_bytes(content)
        return await engine.transcribe(audio, locale=locale, phrases=hints, speakers_hint=speakers)
