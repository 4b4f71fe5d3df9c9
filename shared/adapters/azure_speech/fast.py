"""Azure's fast transcription: a whole file in one request, answered in a fraction of its length."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from azure.ai.transcription.aio import TranscriptionClient
from azure.ai.transcription.models import TranscribedPhrase, TranscriptionResult
from azure.core.credentials import AzureKeyCredential
from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import ClientAuthenticationError, DecodeError

from shared.adapters.azure_answers import DENIED, Patience
from shared.adapters.azure_calls import meaning_of_azure_error, patiently
from shared.adapters.azure_speech.length import length_of
from shared.adapters.azure_speech.phrases import Phrase, Timed, locales_of, spelt, spoken, to_segments
from shared.adapters.azure_speech.progress import Told
from shared.adapters.azure_speech.stretches import Span, Stretch, join, spans
from shared.audio.flac import FlacWriter, length_ms, read_blocks
from shared.domain.errors import AudioUndecodable, EngineRefused, EngineUnavailable, ScribeError
from shared.domain.transcript import Transcript
from shared.ports import Progress

SERVICE = "fast transcription"
BLOCK_MS = 1000
SLACK_MS = 1000
"""How much shorter than it is the service may take a file to be."""
SPARE = 0.9
"""Of the most bytes a request may have, what a part is planned to use: some stretches are louder than others."""


@dataclass(frozen=True)
class RequestLimits:
    """What one request may be."""

    length_ms: int
    size_bytes: int
    timeout_s: float
    """From the first byte sent to the last byte of the answer."""


class FastTranscriptionEngine:
    """Implements `ports.SpeechEngine` with azure-ai-transcription.

    `locales` are those that `auto` chooses from (all that the service knows, where there are none); `max_speakers`
    is told to the service where a session gives no hint. What is too long for one request goes in parts that overlap.
    """

    name = "azure/fast-transcription"

    def __init__(
        self,
        endpoint: str,
        credential: str | AsyncTokenCredential,
        *,
        locales: Sequence[str],
        max_speakers: int,
        overlap_ms: int,
        limits: RequestLimits,
        patience: Patience,
    ) -> None:
        self._endpoint = endpoint
        self._credential = credential
        self._locales = locales
        self._max_speakers = max_speakers
        self._overlap_ms = overlap_ms
        self._limits = limits
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
        """As in `ports.SpeechEngine`."""
        duration_ms = await length_of(audio)
        locales = locales_of(locale, self._locales)
        definition = _definition(locales, speakers_hint or self._max_speakers, phrases)
        told = Told(duration_ms, progress)
        stretches = []
        async with self._client() as client:
            for span in self._parts(audio, duration_ms):
                async with _part_of(audio, span, duration_ms) as part:
                    ask = partial(self._ask, client, part, span, definition)
                    found = await patiently(ask, meaning=_meaning, patience=self._patience)
                stretches.append(Stretch(span.start_ms, span.end_ms, [_phrase(p, span.start_ms) for p in found]))
                told.reached(span, span.end_ms)
        heard = join(stretches)
        told.all()
        return Transcript(
            segments=to_segments(heard, duration_ms),
            duration_ms=duration_ms,
            locale=spoken(heard, locales[0] if locales else locale),
            engine=self.name,
        )

    def takes_whole(self, audio: Path) -> bool:
        """Whether one request is enough. Raises: AudioUndecodable."""
        return len(self._parts(audio, length_ms(audio))) == 1

    def _parts(self, audio: Path, duration_ms: int) -> list[Span]:
        size = audio.stat().st_size
        longest_ms = self._limits.length_ms
        if size > self._limits.size_bytes:
            longest_ms = min(longest_ms, int(duration_ms * SPARE * self._limits.size_bytes / size))
        return spans(duration_ms, longest_ms, self._overlap_ms)

    def _client(self) -> TranscriptionClient:
        key = self._credential
        # The SDK's own retries would send a file that has been read to its end: an empty one. Ours opens it anew.
        return TranscriptionClient(
            self._endpoint, AzureKeyCredential(key) if isinstance(key, str) else key, retry_total=0
        )

    async def _ask(
        self, client: TranscriptionClient, part: Path, span: Span, definition: dict[str, Any]
    ) -> Sequence[TranscribedPhrase]:
        """One request."""
        with part.open("rb") as file:
            async with asyncio.timeout(self._limits.timeout_s):
                body = {"definition": definition, "audio": (part.name, file, "audio/flac")}
                result = await client.transcribe(body)
        return _checked(result, span)


def _meaning(error: Exception) -> ScribeError | None:
    if isinstance(error, ClientAuthenticationError):  # from the service, or from whoever gives out tokens
        return EngineUnavailable(f"{SERVICE}: {type(error).__name__}", code=DENIED)
    if isinstance(error, DecodeError):
        return _unreadable()
    return meaning_of_azure_error(error, SERVICE)


def _definition(locales: Sequence[str], speakers: int, phrases: Sequence[str]) -> dict[str, Any]:
    """What is asked. As a plain mapping: the SDK's own options for speakers leave them off."""
    wanted: dict[str, Any] = {
        "diarization": {"enabled": True, "maxSpeakers": max(2, speakers)},
        "profanityFilterMode": "None",  # a transcript says what was said
    }
    if locales:
        wanted["locales"] = list(locales)
    if phrases:
        wanted["phraseList"] = {"phrases": list(phrases)}
    return wanted


def _checked(result: TranscriptionResult, span: Span) -> Sequence[TranscribedPhrase]:
    """The phrases of an answer that has what it must have. Raises: EngineUnavailable for any other."""
    phrases, heard_ms = result.phrases, result.duration_milliseconds
    if heard_ms is None or phrases is None or not all(_complete(phrase) for phrase in phrases):
        raise _unreadable()
    if heard_ms < span.end_ms - span.start_ms - SLACK_MS:
        raise EngineUnavailable(f"{SERVICE} heard {heard_ms} ms of {span.end_ms - span.start_ms}")
    return phrases


def _complete(phrase: TranscribedPhrase) -> bool:
    return None not in (phrase.text, phrase.offset_milliseconds, phrase.duration_milliseconds)


def _unreadable() -> EngineUnavailable:
    return EngineUnavailable(f"{SERVICE} sent an answer that cannot be read")


def _phrase(phrase: TranscribedPhrase, part_start_ms: int) -> Phrase:
    start = part_start_ms + phrase.offset_milliseconds
    end = start + phrase.duration_milliseconds
    timed = [
        Timed(begin, begin + word.duration_milliseconds, word.text)
        for word in phrase.words or ()
        for begin in (part_start_ms + word.offset_milliseconds,)
    ]
    return Phrase(
        start_ms=start,
        end_ms=end,
        voice=None if phrase.speaker is None else str(phrase.speaker),
        text=phrase.text.strip(),
        confidence=phrase.confidence,
        words=spelt(phrase.text, start, end, timed),
        locale=phrase.locale,
    )


@asynccontextmanager
async def _part_of(audio: Path, span: Span, duration_ms: int) -> AsyncIterator[Path]:
    """The span as a file: the audio itself where that is all of it."""
    if span == Span(0, duration_ms):
        yield audio
        return
    with tempfile.TemporaryDirectory(prefix="scribe-") as folder:
        part = Path(folder) / audio.name
        await asyncio.to_thread(_cut, audio, span, part)
        yield part


def _cut(audio: Path, span: Span, part: Path) -> None:
    try:
        with FlacWriter(part) as flac:
            seconds = -(-(span.end_ms - span.start_ms) // BLOCK_MS)
            for block in islice(read_blocks(audio, BLOCK_MS, start_ms=span.start_ms), seconds):
                flac.write_samples((block * 32768).astype(np.int16))
    except AudioUndecodable as error:
        raise EngineRefused(str(error)) from None
