"""Transcripts for the notes' tests: written in the test, or read from `tests/data`."""

from __future__ import annotations

import json
from pathlib import Path

from shared.domain.note import Note
from shared.domain.transcript import Gap, Segment, Transcript

DATA = Path(__file__).parent / "data"
THERAPY = DATA / "speech" / "therapy_tts.json"
NOTES = sorted((DATA / "notes").glob("*.json"))


def spoken(*lines: str) -> Transcript:
    """A transcript of `T: …` and `C: …` lines, one segment a line, four seconds each (T is Speaker 1)."""
    named = {"T": "Speaker 1", "C": "Speaker 2"}
    parts = [line.split(": ", 1) for line in lines]
    return Transcript(
        segments=tuple(
            Segment(id=f"s{n}", start_ms=4000 * n, end_ms=4000 * n + 3900, speaker=named.get(who, who), text=text)
            for n, (who, text) in enumerate(parts)
        ),
        duration_ms=4000 * len(parts),
    )


def read_talk(name: str | Path) -> Transcript:
    """A transcript of `tests/data/notes` by name, or of any file of that form."""
    path = name if isinstance(name, Path) else DATA / "notes" / f"{name}.json"
    written = json.loads(path.read_text(encoding="utf-8"))
    segments = tuple(
        Segment(id=f"s{n}", start_ms=int(1000 * start), end_ms=int(1000 * end), speaker=f"Speaker {speaker}", text=text)
        for n, (speaker, start, end, text) in enumerate(written["segments"])
    )
    gaps = tuple(
        Gap(start_ms=int(1000 * start), end_ms=int(1000 * end), reason=reason, chunk="3")
        for start, end, reason in written.get("gaps", ())
    )
    return Transcript(segments=segments, gaps=gaps, duration_ms=segments[-1].end_ms)


def text_of(note: Note, *keys: str) -> str:
    """All statements of the named sections (of all sections when none is named), one a line."""
    return "\n".join(s.text for section in note.sections if not keys or section.key in keys for s in section.statements)


def risk_of(note: Note) -> list[str]:
    """The statements marked as risk."""
    return [s.text for section in note.sections for s in section.statements if s.risk]
