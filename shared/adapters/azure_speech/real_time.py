"""Azure's real-time conversation transcription, for sessions of any length."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import azure.cognitiveservices.speech as sdk
from azure.core.credentials import TokenCredential
from azure.core.exceptions import ClientAuthenticationError

from shared.adapters.azure_answers import DENIED, Patience
from shared.adapters.azure_speech.conversation import Asked
from shared.adapters.azure_speech.hearing import Hearing, Pace
from shared.adapters.azure_speech.length import length_of
from shared.adapters.azure_speech.phrases import locales_of, spoken, to_segments
from shared.adapters.azure_speech.progress import Told
from shared.adapters.azure_speech.stretches import Span, Stretch, join, spans
from shared.domain.errors import EngineUnavailable
from shared.domain.transcript import Transcript
from shared.ports import Progress

SCOPE = "https://cognitiveservices.azure.com/.default"


class AzureSpeechEngine:
    """Implements `ports.SpeechEngine` with the Speech SDK's ConversationTranscriber.

    `endpoint` is the resource's own (`https://<name>.cognitiveservices.azure.com`), `credential` its key or an
    identity; `locales` are those that `auto` chooses from; `ahead_ms` of audio go out as fast as the line takes them
    before the SDK keeps to twice the speed of speech. Nothing is opened before the first transcription.
    """

    name = "azure/conversation-transcription"

    def __init__(
        self,
        endpoint: str,
        credential: str | TokenCredential,
        *,
        locales: Sequence[str],
        ahead_ms: int,
        pace: Pace,
        patience: Patience,
    ) -> None:
        self._endpoint = endpoint
        self._credential = credential
        self._locales = locales
        self._ahead_ms = ahead_ms
        self._pace = pace
        self._patience = patience

    async def transcribe(
        self,
        audio: Path,
        *,
        locale: str,
        speakers_hint: int | None = None,
        phrases: Sequence[str] = (),
        progress: Progress | None = None,
    ) -> Transcript:
        """As in `ports.SpeechEngine`. The service takes no hint of how many speakers there are."""
        del speakers_hint
        duration_ms = await length_of(audio)
        locales = locales_of(locale, self._locales)
        told = Told(duration_ms, progress)
        heard = join(await self._hear(Asked(audio, Span(0, duration_ms), locales, phrases), told))
        told.all()
        return Transcript(
            segments=to_segments(heard, duration_ms),
            duration_ms=duration_ms,
            locale=spoken(heard, locales[0]),
            engine=self.name,
        )

    async def _hear(self, whole: Asked, told: Told) -> list[Stretch]:
        """All of it, in order of time. One span that fails ends the others."""
        turns = asyncio.Semaphore(self._pace.at_once)

        async def hear(span: Span) -> list[Stretch]:
            asked = replace(whole, span=span)
            hearing = Hearing(
                asked, self._config, pace=self._pace, patience=self._patience, told=partial(told.reached, span)
            )
            async with turns:
                return await hearing.whole()

        try:
            async with asyncio.TaskGroup() as group:
                parts = [
                    group.create_task(hear(span))
                    for span in spans(whole.span.end_ms, self._pace.stretch_ms, self._pace.overlap_ms)
                ]
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None
        return [stretch for part in parts for stretch in part.result()]

    async def _config(self) -> sdk.SpeechConfig:
        """What the next conversation is held with. Raises: EngineUnavailable (`engine_denied`) without a token."""
        if isinstance(self._credential, str):
            config = sdk.SpeechConfig(endpoint=self._endpoint, subscription=self._credential)
        else:
            # The SDK asks for tokens as they run out, in its own threads, where nobody would see it fail.
            try:
                await asyncio.to_thread(self._credential.get_token, SCOPE)
            except ClientAuthenticationError as error:
                raise EngineUnavailable(f"no token: {type(error).__name__}", code=DENIED) from None
            config = sdk.SpeechConfig(endpoint=self._endpoint, token_credential=self._credential)
        config.output_format = sdk.OutputFormat.Detailed
        config.request_word_level_timestamps()
        config.set_service_property("wordLevelConfidence", "true", sdk.ServicePropertyChannel.UriQueryParameter)
        config.set_profanity(sdk.ProfanityOption.Raw)  # a transcript says what was said
        for name in ("SPEECH-TransmitLengthBeforeThrottleMs", "SPEECH-MaxBufferSizeMs"):
            if self._ahead_ms:
                config.set_property_by_name(name, str(self._ahead_ms))
        return config
