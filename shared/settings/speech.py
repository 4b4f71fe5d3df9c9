"""What listens."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Self

from pydantic import BaseModel, Field, SecretStr, model_validator

from shared.settings.addresses import ServiceUrl


class EmbeddedSpeechSettings(BaseModel):
    """Whisper on this machine's processor."""

    model: str = "whisper-base"
    """`whisper-base` (from the installed wheels), a folder, or a name that faster-whisper can fetch."""
    cache_dir: Path = Path(".local/models")
    """Where the model's parts are joined once."""
    threads: int = 2
    """Processor threads of one transcription."""


class FastTranscriptionSettings(BaseModel):
    """What one request to fast transcription may be."""

    max_length: timedelta = timedelta(minutes=115)
    """Longer audio goes in parts, or, with `azure-auto`, to real-time transcription. The service takes two hours."""
    max_bytes: int = 250_000_000
    """Larger files likewise. An hour of stitched audio has 40 to 90 MB."""
    timeout: timedelta = timedelta(minutes=20)
    """From the first byte sent to the last of the answer; an hour of audio takes a few minutes."""


class AzureSpeechSettings(BaseModel):
    """Azure AI Speech, in real time and file by file. Waits and times are ISO 8601 (`PT30S`)."""

    endpoint: ServiceUrl | None = None
    """The resource's own: `https://<name>.cognitiveservices.azure.com`."""
    key: SecretStr | None = None
    """The resource's key; without one, the app's identity, which needs the role Cognitive Services Speech User."""
    locales: tuple[str, ...] = Field(default=("en-US", "es-US", "fr-FR", "de-DE"), min_length=2, max_length=10)
    """What `SPEECH__LOCALE=auto` chooses from, as a JSON array of BCP 47 tags."""
    max_speakers: int = Field(default=4, ge=2, le=35)
    """How many voices to look for where a session does not say (fast transcription only)."""
    stretch: timedelta = timedelta(minutes=60)
    """Real time: the longest conversation with the service, which takes half as long as its audio."""
    overlap: timedelta = timedelta(minutes=3)
    """What two neighbouring parts of a long session both hear, so that voices can be told to be the same."""
    at_once: int = Field(default=4, ge=1)
    """Real time: conversations of one session side by side. One on the free tier, which allows no more."""
    ahead: timedelta = timedelta(0)
    """Real time: audio sent as fast as the line takes it, before the SDK keeps to its pace; 0 is the SDK's own 5 s."""
    answer_timeout: timedelta = timedelta(minutes=5)
    """Real time: how long the service may say nothing to speech before it is taken to be dead."""
    attempts: int = Field(default=5, ge=1)
    """How often the service is asked before the host's own retry takes over."""
    first_wait: timedelta = timedelta(seconds=2)
    """Between the first two attempts; doubled with each."""
    longest_wait: timedelta = timedelta(minutes=1)
    """Between any two. A service that asks for more is left to the host's retry."""
    fast: FastTranscriptionSettings = Field(default_factory=FastTranscriptionSettings)
    """Fast transcription's own."""

    @model_validator(mode="after")
    def _parts_advance(self) -> Self:
        """Each part has to bring something new."""
        if self.overlap * 2 > min(self.stretch, self.fast.max_length):
            raise ValueError("SPEECH__AZURE__OVERLAP is more than half of STRETCH or of FAST__MAX_LENGTH")
        return self


class SpeechEngineName(StrEnum):
    """Speech to text."""

    EMBEDDED = "embedded"
    AZURE = "azure"
    """In real time, for sessions of any length."""
    AZURE_FAST = "azure-fast"
    """A file at a time."""
    AZURE_AUTO = "azure-auto"
    """A file at a time where a session fits into one, else in real time."""


class SpeechSettings(BaseModel):
    """Speech to text."""

    engine: SpeechEngineName = SpeechEngineName.EMBEDDED
    """Which engine listens."""
    locale: str = "en-US"
    """BCP 47 language of the sessions, or `auto`."""
    embedded: EmbeddedSpeechSettings = Field(default_factory=EmbeddedSpeechSettings)
    """The embedded engine's own settings."""
    azure: AzureSpeechSettings = Field(default_factory=AzureSpeechSettings)
    """Azure's, for all engines whose name begins with it."""
