"""One span of a session, heard in as many conversations with the service as it takes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

import azure.cognitiveservices.speech as sdk

from shared.adapters.azure_answers import Patience
from shared.adapters.azure_speech.conversation import Asked, Conversation
from shared.adapters.azure_speech.phrases import Phrase
from shared.adapters.azure_speech.stretches import Span, Stretch
from shared.domain.errors import EngineUnavailable

log = logging.getLogger(__name__)

Configure = Callable[[], Awaitable[sdk.SpeechConfig]]


@dataclass(frozen=True)
class Pace:
    """How a session is laid out over conversations with the service."""

    stretch_ms: int
    """The longest one."""
    overlap_ms: int
    """What two neighbours both hear, so that their voices can be told to be the same."""
    at_once: int
    """Conversations of one session side by side."""
    answer_timeout_s: float
    """How long the service may say nothing to speech."""


class Hearing:
    """A conversation that breaks off is followed by another, which begins a little before what was heard last.

    So an hour that breaks off in its last minute costs a minute, not an hour. Attempts are counted from the last
    progress on.
    """

    def __init__(
        self, asked: Asked, configure: Configure, *, pace: Pace, patience: Patience, told: Callable[[int], None]
    ) -> None:
        self._asked = asked
        self._configure = configure
        self._pace = pace
        self._patience = patience
        self._told = told
        self._stretches: list[Stretch] = []
        self._start_ms = self._reached_ms = asked.span.start_ms

    async def whole(self) -> list[Stretch]:
        """What was heard, in order of time. Raises: EngineUnavailable, EngineRefused."""
        failures = 0
        while True:
            before_ms = self._reached_ms
            try:
                await self._converse()
            except EngineUnavailable as error:
                failures = 1 if self._reached_ms > before_ms else failures + 1
                wait_s = self._patience.wait_s(failures, error)
                if wait_s is None:
                    raise
                log.warning("%s: asked again from %d ms on, in %g s", error, self._start_ms, wait_s)
                await asyncio.sleep(wait_s)
            else:
                return self._stretches

    async def _converse(self) -> None:
        phrases: list[Phrase] = []

        def heard(phrase: Phrase) -> None:
            phrases.append(phrase)
            self._told(phrase.end_ms)

        end_ms = self._asked.span.end_ms
        asked = replace(self._asked, span=Span(self._start_ms, end_ms))
        conversation = Conversation(asked, await self._configure(), answer_timeout_s=self._pace.answer_timeout_s)
        try:
            await conversation.listen(heard)
        except EngineUnavailable:
            self._keep(phrases)
            raise
        self._stretches.append(Stretch(self._start_ms, end_ms, phrases))

    def _keep(self, phrases: list[Phrase]) -> None:
        """Go on from what was heard, if that is more than before."""
        until_ms = max((phrase.end_ms for phrase in phrases), default=self._reached_ms)
        if until_ms > self._reached_ms:
            self._stretches.append(Stretch(self._start_ms, until_ms, phrases))
            self._start_ms = max(self._start_ms, until_ms - self._pace.overlap_ms)
            self._reached_ms = until_ms
