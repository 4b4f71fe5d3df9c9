"""How a document is refused, in every document engine's words."""

from __future__ import annotations

from shared.domain.errors import EngineRefused

ENCRYPTED, UNREADABLE, EMPTY, TOO_COMPLEX = (
    "document_encrypted",
    "document_unreadable",
    "document_empty",
    "document_too_complex",
)
REASONS = {
    ENCRYPTED: "it is encrypted: save it without a password",
    UNREADABLE: "it is damaged, or not what it begins as",
    EMPTY: "it has no pages",
    TOO_COMPLEX: "it has too many pages or pixels, or takes too long to read: split it",
}
"""What a client is told, by code."""


def refused(code: str) -> EngineRefused:
    """The error for a document that will never be read."""
    return EngineRefused(REASONS[code], code=code)
