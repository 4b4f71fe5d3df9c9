"""Every setting, read from the environment as `STORAGE__CONNECTION_STRING`, `SPEECH__ENGINE` and so on."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from pathlib import Path

from pydantic import BaseModel, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.domain.limits import Limits


class StorageSettings(BaseModel):
    """Blob and queue storage: a connection string, or two URLs and the app's identity."""

    connection_string: SecretStr | None = None
    """For emulators. In Azure leave it empty and give the URLs."""
    blob_url: str | None = None
    """`https://<account>.blob.core.windows.net`"""
    queue_url: str | None = None
    """`https://<account>.queue.core.windows.net`"""


class CosmosSettings(BaseModel):
    """Cosmos DB for NoSQL."""

    endpoint: str
    """Account URL; http only for an emulator."""
    key: SecretStr | None = None
    """Account key. In Azure leave it empty: the app's identity is used."""
    database: str = "scribe"
    """Database name."""
    create: bool = False
    """Make database and containers when they are missing: for emulators."""


class AuthSettings(BaseModel):
    """Whose bearer tokens are believed."""

    issuer: str
    """The `iss` a token must have."""
    audience: str
    """The `aud` a token must have."""
    jwks_url: str
    """The issuer's keys: https, or file for the local issuer."""
    provision_on_upload: bool = False
    """Let a therapist's first upload for a client make the relationship."""


class KekEngine(StrEnum):
    """What holds the key-encryption key."""

    LOCAL = "local"


class KeySettings(BaseModel):
    """The key-encryption key."""

    engine: KekEngine = KekEngine.LOCAL
    """`local`: a key file."""
    local_file: Path | None = None
    """Key file of the local engine."""
    local_create: bool = False
    """Make the key file when it is missing. Never where data already exists: what the old key wrapped is lost."""


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


class NoteEngineName(StrEnum):
    """Writers of notes."""

    EMBEDDED = "embedded"


class NoteSettings(BaseModel):
    """The clinical note."""

    engine: NoteEngineName = NoteEngineName.EMBEDDED
    """Which engine writes."""


class DocumentEngineName(StrEnum):
    """Readers of documents."""

    EMBEDDED = "embedded"


class EmbeddedDocumentSettings(BaseModel):
    """What one document may cost on this machine; one that costs more is refused."""

    max_pages: int = Field(default=2000, ge=1)
    """Pages of a PDF or TIFF."""
    max_pixels: int = Field(default=80_000_000, ge=1)
    """Pixels of one picture, width times height."""
    max_seconds: int = Field(default=180, ge=1)
    """To read it; the host ends an answer after 230."""
    max_memory_bytes: int = Field(default=3 * 1024**3, ge=1)
    """Of the process that reads it. Recognition alone takes about 1 GiB."""
    threads: int = Field(default=2, ge=1)
    """Processor threads of recognition."""


class DocumentSettings(BaseModel):
    """Documents; sizes are in `LIMITS__MAX_DOCUMENT_BYTES`."""

    engine: DocumentEngineName = DocumentEngineName.EMBEDDED
    """Which engine reads."""
    embedded: EmbeddedDocumentSettings = Field(default_factory=EmbeddedDocumentSettings)
    """The embedded engine's own settings."""


class ClockSettings(BaseModel):
    """What time the app takes it to be."""

    ahead: timedelta = timedelta(0)
    """How far its clock is ahead of the machine's (ISO 8601, `PT90S`): to try out midnight at noon."""


class Settings(BaseSettings):
    """All of them. A missing or malformed one stops the app at its first call, and says which."""

    model_config = SettingsConfigDict(env_nested_delimiter="__", extra="ignore")

    storage: StorageSettings
    cosmos: CosmosSettings
    auth: AuthSettings
    keys: KeySettings = Field(default_factory=KeySettings)
    speech: SpeechSettings = Field(default_factory=SpeechSettings)
    notes: NoteSettings = Field(default_factory=NoteSettings)
    documents: DocumentSettings = Field(default_factory=DocumentSettings)
    limits: Limits = Field(default_factory=Limits)
    clock: ClockSettings = Field(default_factory=ClockSettings)
