"""Recordings to measure with: the project's own speech, as long as is asked for."""

from __future__ import annotations

from pathlib import Path

import av

SPEECH = Path(__file__).parent.parent / "tests" / "data" / "speech" / "therapy_tts.flac"


def repeated(path: Path, minutes: float) -> Path:
    """Write the two-voice session to `path`, over and over until `minutes` are full: 16 kHz mono FLAC."""
    left = round(minutes * 60 * 16_000)
    with av.open(str(path), "w") as target:
        out = target.add_stream("flac", rate=16_000, layout="mono")
        at = 0
        while left > 0:
            with av.open(str(SPEECH)) as source:
                for frame in source.decode(audio=0):
                    if left <= 0:
                        break
                    frame.pts = at
                    at += frame.samples
                    left -= frame.samples
                    target.mux(out.encode(frame))
        target.mux(out.encode(None))
    return path
