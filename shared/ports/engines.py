"""What listens, writes and reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from shared.domain.document import DocumentAnalysis, DocumentKind
from shared.domain.note import Note, ParticipantsType, Person, SessionType
from shared.domain.transcript import Transcript

Progress = Callable[[int], None]
"""Told how many milliseconds of audio are finished; called from any thread."""


class SpeechEngine(Protocol):
    """Speech to text with speakers told apart."""

    @property
    def name(self) -> str:
        """What a transcript's `engine` says, with its model; one that chooses among others has them sign."""
        ...

    async def transcribe(
        self,
        audio: Path,
        *,
        locale: str,
        speakers_hint: int | None = None,
        phrases: Sequence[str] = (),
        progress: Progress | None = None,
    ) -> Transcript:
        """Transcribe 16 kHz mono FLAC.

        Segments come in order of time with ids unique in the transcript; speakers are `Speaker 1`, `Speaker 2`, …
        in order of first word. Silence gives a transcript without segments, never invented text. If telling
        speakers apart fails, the text comes with one speaker.
        Raises: EngineUnavailable, EngineRefused.
        """
        ...


@dataclass(frozen=True)
class NoteRequest:
    """What a note is written from."""

    transcript: Transcript
    session_type: SessionType = SessionType.STANDARD
    participants_type: ParticipantsType = ParticipantsType.INDIVIDUAL
    roles: Mapping[str, str] = field(default_factory=dict)
    """Speaker label to `therapist` or `client`, where known."""
    people: tuple[Person, ...] = ()
    """Who took part, where the asker named them."""
    identities: Mapping[str, str] = field(default_factory=dict)
    """Speaker label to `Person.key`, where somebody said so."""
    plan: str | None = field(default=None, repr=False)
    """The client's treatment plan (Markdown): context for this note, never part of it."""
    instructions: str | None = None
    """The therapist's own instruction set (Markdown), where they have one for this format."""


class NoteEngine(Protocol):
    """Writes a note that says only what was said."""

    @property
    def name(self) -> str:
        """What the note's `engine` says."""
        ...

    async def write(self, request: NoteRequest) -> Note:
        """Sections in the template's order; each statement's evidence exists in the transcript.

        Raises: EngineUnavailable, EngineRefused.
        """
        ...


class DocumentEngine(Protocol):
    """Reads documents."""

    async def analyse(self, file: Path, kind: DocumentKind) -> DocumentAnalysis:
        """Text in reading order, columns one after the other, and tables; `pages` is how many the file has.

        A document is read whole or refused: never its first pages only.
        Raises: EngineUnavailable; EngineRefused with the code `document_encrypted`, `document_unreadable`,
        `document_empty` (no pages) or `document_too_complex`.
        """
        ...
