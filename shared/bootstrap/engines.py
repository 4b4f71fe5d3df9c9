"""Engines, chosen by settings: what listens, what writes, what reads."""

from __future__ import annotations

from shared.adapters.embedded_documents import Caps, EmbeddedDocumentEngine
from shared.adapters.embedded_notes import EmbeddedNoteEngine
from shared.adapters.embedded_speech import EmbeddedSpeechEngine
from shared.ports import DocumentEngine, NoteEngine, PageStore, SpeechEngine
from shared.settings.documents import DocumentSettings
from shared.settings.notes import NoteSettings
from shared.settings.speech import SpeechEngineName, SpeechSettings


def speech_engine(settings: SpeechSettings) -> SpeechEngine:
    """What listens. Raises: ValueError where the chosen engine lacks a setting."""
    if settings.engine is not SpeechEngineName.EMBEDDED:
        from shared.bootstrap.azure_speech import azure_speech_engine  # noqa: PLC0415 (native code, loaded if needed)

        return azure_speech_engine(settings.engine, settings.azure)
    chosen = settings.embedded
    return EmbeddedSpeechEngine(model=chosen.model, cache_dir=chosen.cache_dir, threads=chosen.threads)


def document_engine(settings: DocumentSettings, pages: PageStore) -> DocumentEngine:
    """What reads; `pages` keeps what does not get done in one request."""
    chosen = settings.embedded
    caps = Caps(
        pages=chosen.max_pages,
        pixels=chosen.max_pixels,
        seconds=chosen.max_seconds,
        memory_bytes=chosen.max_memory_bytes,
        threads=chosen.threads,
    )
    return EmbeddedDocumentEngine(caps, pages)


def note_engine(settings: NoteSettings) -> NoteEngine:
    """What writes."""
    del settings  # there is one, so far
    return EmbeddedNoteEngine()
