"""What reads documents."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, Field


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
    """To read it in one request; one that takes longer goes on with the next, unless it gets no page further."""
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
