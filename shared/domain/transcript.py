"""What was said, by whom and when.

Times are integer milliseconds from the start of the stitched session audio. Speakers are labels
(`Speaker 1`, `Speaker 2`, … in order of first word) until someone names them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from pydantic import Field

from shared.domain.model import Model


class Word(Model):
    """One spoken word. `confidence` is 0…1, or None where the engine gives none."""

    start_ms: int = Field(ge=0)
    end_ms: int = Field(ge=0)
    text: str
    confidence: float | None = None


class Segment(Model):
    """Timed text of one speaker. `id` is unique in its transcript and is what evidence points at."""

    id: str
    start_ms: int = Field(ge=0)
    end_ms: int = Field(ge=0)
    speaker: str
    text: str
    confidence: float | None = None
    words: tuple[Word, ...] = ()


class Gap(Model):
    """A stretch of the session without audio. `end_ms` is None where its length cannot be known."""

    start_ms: int = Field(ge=0)
    end_ms: int | None = None
    reason: str
    """`missing` (never arrived) or `undecodable` (arrived, but no audio could be read from it)."""
    chunk: str
    """The chunk's index or file position, as in the session's `gaps`."""


class Transcript(Model):
    """Segments in order of time, and where audio is missing."""

    segments: tuple[Segment, ...] = ()
    gaps: tuple[Gap, ...] = ()
    duration_ms: int = 0
    locale: str = "en-US"
    engine: str = ""
    names: dict[str, str] = Field(default_factory=dict)
    """What speakers are called, by label, as far as someone has said."""
    named: int = 0
    """The edition of the notes that these names asked for; 0 for those it came with."""

    @property
    def has_speech(self) -> bool:
        """Whether anyone said anything: without speech no note is ever written."""
        return any(segment.text.strip() for segment in self.segments)


class Utterance(Model):
    """Adjacent segments of one speaker, read as one turn."""

    start_ms: int
    end_ms: int
    speaker: str
    text: str
    segment_ids: tuple[str, ...]


def utterances(segments: Iterable[Segment]) -> Iterator[Utterance]:
    """Join neighbouring segments of the same speaker."""
    for speaker, run in groupby(segments, key=lambda segment: segment.speaker):
        turn = list(run)
        yield Utterance(
            start_ms=turn[0].start_ms,
            end_ms=max(segment.end_ms for segment in turn),
            speaker=speaker,
            text=" ".join(segment.text.strip() for segment in turn),
            segment_ids=tuple(segment.id for segment in turn),
        )


def render_text(transcript: Transcript) -> str:
    """The transcript as people read it: one line an utterance, gaps in their place."""
    lines: list[tuple[int, str]] = []
    for part in _between_gaps(transcript):
        lines += [(turn.start_ms, f"{_name(transcript, turn.speaker)}: {turn.text}") for turn in utterances(part)]
    lines += [(gap.start_ms, _gap_line(gap)) for gap in transcript.gaps]
    return "\n".join(line for _, line in sorted(lines, key=lambda item: item[0]))


def _between_gaps(transcript: Transcript) -> Iterator[Sequence[Segment]]:
    """Segments cut at each gap, so that one turn never reads across missing audio."""
    rest = list(transcript.segments)
    for gap in sorted(transcript.gaps, key=lambda gap: gap.start_ms):
        before = [segment for segment in rest if segment.start_ms < gap.start_ms]
        yield before
        rest = rest[len(before) :]
    yield rest


def _gap_line(gap: Gap) -> str:
    if gap.end_ms is None or gap.end_ms <= gap.start_ms:
        return f"[missing audio at {clock(gap.start_ms)}]"
    return f"[missing audio {clock(gap.start_ms)}–{clock(gap.end_ms)}]"  # noqa: RUF001 (an en dash is meant)


def clock(ms: int) -> str:
    """`mm:ss` below an hour, `h:mm:ss` from there."""
    minutes, seconds = divmod(ms // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes:02}:{seconds:02}"


def to_vtt(transcript: Transcript) -> str:
    """WebVTT captions with voice tags (W3C WebVTT §3.4)."""
    cues = [
        f"{_stamp(s.start_ms, '.')} --> {_stamp(s.end_ms, '.')}\n"
        f"<v {_escape(_name(transcript, s.speaker))}>{_escape(s.text.strip())}\n"
        for s in transcript.segments
    ]
    return "WEBVTT\n\n" + "\n".join(cues)


def to_srt(transcript: Transcript) -> str:
    """SubRip captions, the speaker before the text."""
    cues = [
        f"{n}\n{_stamp(s.start_ms, ',')} --> {_stamp(s.end_ms, ',')}\n"
        f"{_name(transcript, s.speaker)}: {s.text.strip()}\n"
        for n, s in enumerate(transcript.segments, start=1)
    ]
    return "\n".join(cues)


def _name(transcript: Transcript, speaker: str) -> str:
    return transcript.names.get(speaker, speaker)


def _stamp(ms: int, point: str) -> str:
    seconds, millis = divmod(ms, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}{point}{millis:03}"


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
