"""Recordings with what is said in them, by whom and when: the committed ones, and more where there are more."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from tests.scoring import Turn, read_rttm

COMMITTED = Path(__file__).parent / "data" / "speech"
LARGER = Path(os.environ.get("SCRIBE_SPEECH_CORPUS") or Path(__file__).parents[2] / "shared" / "data")
"""Recordings that may be used but not be copied here; tests that need them skip where they are not."""


@dataclass(frozen=True)
class Recording:
    """`text` is what is said, `lines` the same by (speaker, text), `turns` when; empty where nobody wrote it down."""

    id: str
    audio: Path
    kind: str
    text: str
    lines: tuple[tuple[str, str], ...]
    turns: tuple[Turn, ...]

    @property
    def degraded(self) -> bool:
        return self.id.endswith("_noisy")

    @property
    def speakers(self) -> int:
        return len({turn.speaker for turn in self.turns}) or 1


def recordings(corpus: Path) -> list[Recording]:
    """All recordings of a corpus: those in its `speech.json`, and those that only have turns (an RTTM file)."""
    if not corpus.is_dir():
        return []
    described = {row["id"]: row for row in json.loads(next(corpus.glob("**/speech.json")).read_text())}
    return [_recording(audio, described.get(audio.stem, {})) for audio in sorted(corpus.glob("**/*.flac"))]


def _recording(audio: Path, row: dict[str, str]) -> Recording:
    # A degraded copy shares the words and turns of the clean recording.
    clean = audio.with_name(audio.stem.removesuffix("_noisy"))
    lines, turns = clean.with_suffix(".json"), clean.with_suffix(".rttm")
    return Recording(
        id=audio.stem,
        audio=audio,
        kind=row.get("kind", ""),
        text=row.get("text", ""),
        lines=tuple((who, text) for who, _, _, text in _segments(lines)),
        turns=tuple(read_rttm(turns)) if turns.is_file() else (),
    )


def _segments(path: Path) -> list[tuple[str, float, float, str]]:
    return json.loads(path.read_text())["segments"] if path.is_file() else []
