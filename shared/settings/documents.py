"""What reads documents."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, Field, SecretStr

from shared.settings.addresses import ServiceUrl
from shared.settings.patience import PatienceSettings


class DocumentEngineName(StrEnum):
    """Readers of documents."""

    EMBEDDED = "embedded"
    DOCUMENT_INTELLIGENCE = "document-intelligence"


class EmbeddedDocumentSettings(BaseModel):
    """What one document may cost on this machine; one that costs more is refused."""

    max_pages: int = Field(default=2000, ge=1)
    """Pages of a PDF or TIFF."""
    max_pixels: int = Field(default=80_000_000, ge=1)
    """Pixels of one picture, width times height."""
    max_seconds: int = Field(default=180, ge=1)
    """To read it in one request; one that takes longer goes on with the next, unless it gets no page further."""
    max_memory_bytes: int = Field(default=3 * 1024**3, ge=1)
    """Of the process that reads it. Recognition alone takes about 1 GiB."""
    threads: int = Field(default=2, ge=1)
    """Processor threads of recognition."""


class DocumentIntelligenceSettings(BaseModel):
    """Azure AI Document Intelligence. The limits are those of its S0 tier; F0 reads two pages and is refused."""

    endpoint: ServiceUrl | None = None
    """`https://<resource>.cognitiveservices.azure.com`"""
    key: SecretStr | None = None
    """Resource key. In Azure leave it empty: the app's identity is used (role Cognitive Services User)."""
    max_pages: int = Field(default=2000, ge=1)
    """Pages of a PDF or TIFF."""
    max_bytes: int = Field(default=500 * 1024 * 1024, ge=1)
    """Of one document."""
    max_seconds: float = Field(default=180, gt=0)
    """To send and read it, all tries together; the host ends an answer after 230."""
    timeout_s: float = Field(default=60, gt=0)
    """Seconds of silence after which a request is given up."""
    polling_interval_s: float = Field(default=1.0, gt=0)
    """Seconds between two looks whether it is read, where the service does not say."""
    patience: PatienceSettings = Field(default_factory=PatienceSettings)
    """How it is asked again."""


class DocumentSettings(BaseModel):
    """Documents; sizes are in `LIMITS__MAX_DOCUMENT_BYTES`."""

    engine: DocumentEngineName = DocumentEngineName.EMBEDDED
    """Which engine reads."""
    embedded: EmbeddedDocumentSettings = Field(default_factory=EmbeddedDocumentSettings)
    """The embedded engine's own settings."""
    document_intelligence: DocumentIntelligenceSettings = Field(default_factory=DocumentIntelligenceSettings)
    """Document Intelligence's own settings."""
