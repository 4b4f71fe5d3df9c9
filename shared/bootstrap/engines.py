"""Engines, chosen by settings: what listens, what writes, what reads."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from shared.adapters.azure_answers import Patience
from shared.adapters.embedded_documents import Caps, EmbeddedDocumentEngine
from shared.adapters.embedded_notes import EmbeddedNoteEngine
from shared.adapters.embedded_speech import EmbeddedSpeechEngine
from shared.ports import DocumentEngine, NoteEngine, PageStore, SpeechEngine
from shared.settings.documents import DocumentEngineName, DocumentIntelligenceSettings, DocumentSettings
from shared.settings.notes import AzureOpenAISettings, NoteEngineName, NoteSettings
from shared.settings.patience import PatienceSettings
from shared.settings.speech import SpeechEngineName, SpeechSettings

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential

Identity = Callable[[], "AsyncTokenCredential"]
"""Makes the app's identity, once for all who ask."""


def speech_engine(settings: SpeechSettings, identity: Identity, *, developing: bool) -> SpeechEngine:
    """What listens. Raises: ValueError where the chosen engine lacks a setting."""
    if settings.engine is not SpeechEngineName.EMBEDDED:
        from shared.bootstrap.azure_speech import azure_speech_engine  # noqa: PLC0415 (native code, loaded if needed)

        return azure_speech_engine(settings.engine, settings.azure, identity, developing=developing)
    chosen = settings.embedded
    return EmbeddedSpeechEngine(model=chosen.model, cache_dir=chosen.cache_dir, threads=chosen.threads)


def document_engine(settings: DocumentSettings, identity: Identity, pages: PageStore | None = None) -> DocumentEngine:
    """What reads; `pages` keeps what the embedded engine does not get done in one request.

    Raises: ValueError when the chosen engine's settings are missing.
    """
    if settings.engine is DocumentEngineName.DOCUMENT_INTELLIGENCE:
        return _document_intelligence(settings.document_intelligence, identity)
    chosen = settings.embedded
    caps = Caps(
        pages=chosen.max_pages,
        pixels=chosen.max_pixels,
        seconds=chosen.max_seconds,
        memory_bytes=chosen.max_memory_bytes,
        threads=chosen.threads,
    )
    return EmbeddedDocumentEngine(caps, pages)


def note_engine(settings: NoteSettings, identity: Identity) -> NoteEngine:
    """What writes. Raises: ValueError when the chosen engine's settings are missing."""
    if settings.engine is NoteEngineName.AZURE_OPENAI:
        return _azure_openai(settings.azure_openai, identity)
    return EmbeddedNoteEngine()


def patience_of(settings: PatienceSettings) -> Patience:
    """How an Azure service is asked again."""
    return Patience(settings.attempts, settings.first_wait.total_seconds(), settings.longest_wait.total_seconds())


def _document_intelligence(settings: DocumentIntelligenceSettings, identity: Identity) -> DocumentEngine:
    from shared.adapters.document_intelligence import DocumentIntelligenceEngine  # noqa: PLC0415 (not always needed)

    if settings.endpoint is None:
        raise ValueError("set DOCUMENTS__DOCUMENT_INTELLIGENCE__ENDPOINT for Document Intelligence")
    return DocumentIntelligenceEngine(
        settings.endpoint,
        settings.key.get_secret_value() if settings.key else identity,
        patience=patience_of(settings.patience),
        polling_interval_s=settings.polling_interval_s,
        timeout_s=settings.timeout_s,
        max_seconds=settings.max_seconds,
        max_pages=settings.max_pages,
        max_bytes=settings.max_bytes,
    )


def _azure_openai(settings: AzureOpenAISettings, identity: Identity) -> NoteEngine:
    from shared.adapters.azure_openai import AzureOpenAINotes, ChatModel  # noqa: PLC0415 (not always needed)

    if settings.endpoint is None or settings.deployment is None:
        raise ValueError("set NOTES__AZURE_OPENAI__ENDPOINT and NOTES__AZURE_OPENAI__DEPLOYMENT for Azure OpenAI")
    model = ChatModel(
        settings.endpoint,
        settings.deployment,
        settings.key.get_secret_value() if settings.key else identity,
        api_version=settings.api_version,
        max_output_tokens=settings.max_output_tokens,
        timeout_s=settings.timeout_s,
        patience=patience_of(settings.patience),
    )
    return AzureOpenAINotes(
        model, context_tokens=settings.context_tokens, characters_per_token=settings.characters_per_token
    )
