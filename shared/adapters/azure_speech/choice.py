"""Fast transcription where a session fits into one request, conversation transcription where it does not."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path

from shared.adapters.azure_answers import MISCONFIGURED
from shared.adapters.azure_speech.fast import FastTranscriptionEngine
from shared.domain.errors import AudioUndecodable, EngineRefused, EngineUnavailable
from shared.domain.transcript import Transcript
from shared.ports import Progress, SpeechEngine

log = logging.getLogger(__name__)


class ChoosingSpeechEngine:
    """Implements `ports.SpeechEngine` with two others. A transcript says which of them made it.

    What fast transcription refuses, or does not offer in its region, is heard in real time: the refusal is of the
    file, the language or the resource, and the other service takes plain samples. What it cannot do just now is
    tried again: a service that is down for an hour is no reason to pay the dearer one, and the session waits.
    """

    name = "azure/auto"

    def __init__(self, fast: FastTranscriptionEngine, real_time: SpeechEngine) -> None:
        self._fast = fast
        self._real_time = real_time

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

        async def by(engine: SpeechEngine) -> Transcript:
            return await engine.transcribe(
                audio, locale=locale, speakers_hint=speakers_hint, phrases=phrases, progress=progress
            )

        try:
            whole = await asyncio.to_thread(self._fast.takes_whole, audio)
        except AudioUndecodable as error:
            raise EngineRefused(str(error)) from None
        if not whole:
            return await by(self._real_time)
        try:
            return await by(self._fast)
        except (EngineRefused, EngineUnavailable) as error:
            if isinstance(error, EngineUnavailable) and error.code != MISCONFIGURED:
                raise
            log.warning("%s: heard in real time instead", error)
        return await by(self._real_time)
