"""A short piece of the two-voice session, so that a session costs seconds."""

import json
from pathlib import Path

import av

SPEECH = Path(__file__).parent.parent / "data" / "speech"
TURNS = 2
_SEGMENTS = json.loads((SPEECH / "therapy_tts.json").read_text("utf-8"))["segments"][:TURNS]
EXCERPT_TEXT = " ".join(text for _, _, _, text in _SEGMENTS)
EXCERPT_SECONDS = _SEGMENTS[-1][2] + 0.2


def excerpt(folder: Path) -> Path:
    """The first turns as a 16 kHz mono FLAC file in `folder`."""
    path = folder / "excerpt.flac"
    with av.open(str(SPEECH / "therapy_tts.flac")) as source, av.open(str(path), "w") as target:
        out = target.add_stream("flac", rate=16000, layout="mono")
        for frame in source.decode(audio=0):
            if frame.time is not None and frame.time > EXCERPT_SECONDS:
                break
            target.mux(out.encode(frame))
        target.mux(out.encode(None))
    return path
