"""What writes notes."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel


class NoteEngineName(StrEnum):
    """Writers of notes."""

    EMBEDDED = "embedded"


class NoteSettings(BaseModel):
    """The clinical note."""

    engine: NoteEngineName = NoteEngineName.EMBEDDED
    """Which engine writes."""
