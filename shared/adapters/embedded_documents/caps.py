"""What a document may cost, and how one is refused."""

from __future__ import annotations

from dataclasses import dataclass

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


@dataclass(frozen=True)
class Caps:
    """Limits of one document: pages, pixels of one picture, seconds and bytes of memory for the whole, threads.

    `wait_seconds` is how long it may wait for others to be read: an answer is due within 230 seconds.
    """

    pages: int = 2000
    pixels: int = 80_000_000
    seconds: int = 180
    memory_bytes: int = 3 * 1024**3
    threads: int = 2
    wait_seconds: int = 30


def refused(code: str) -> EngineRefused:
    """The error for a document that will never be read."""
    return EngineRefused(REASONS[code], code=code)
