"""What listens."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from pydantic import BaseModel, Field


class EmbeddedSpeechSettings(BaseModel):
    """Whisper on this machine's processor."""

    model: str = "whisper-base"
    """`whisper-base` (from the installed wheels), a folder, or a name that faster-whisper can fetch."""
    cache_dir: Path = Path(".local/models")
    """Where the model's parts are joined once."""
    threads: int = 2
    """Processor threads of one transcription."""


class SpeechEngineName(StrEnum):
    """Speech to text."""

    EMBEDDED = "embedded"


class SpeechSettings(BaseModel):
    """Speech to text."""

    engine: SpeechEngineName = SpeechEngineName.EMBEDDED
    """Which engine listens."""
    locale: str = "en-US"
    """BCP 47 language of the sessions, or `auto`."""
    embedded: EmbeddedSpeechSettings = Field(default_factory=EmbeddedSpeechSettings)
    """The embedded engine's own settings."""
