"""One conversation with the Speech service: a span of audio in, its phrases out, or the reason why not.

The SDK works in threads of its own and tells of everything by callbacks; here they become events on the loop, which
is never held up. What goes wrong is often not told at all: a dead peer is silence, and a connection lost near the end
looks like the end. So only `EndOfStream` counts as one, and silence has its limit.
"""

from __future__ import annotations

import asyncio
import gc
import json
import re
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import azure.cognitiveservices.speech as sdk

from shared.adapters.azure_answers import engine_error
from shared.adapters.azure_speech.phrases import Account, Phrase
from shared.adapters.azure_speech.results import phrase_of
from shared.adapters.azure_speech.sound import FORMAT, Sound
from shared.adapters.azure_speech.stretches import Span
from shared.domain.errors import EngineRefused, EngineUnavailable

SERVICE = "speech service"

SLACK_MS = 100
"""How much shorter than its header says a file may be for a rounding."""

GRACE_S = 1
"""How long the SDK may take to say why it stopped: the two events come in either order."""

_UPGRADE = re.compile(r"upgrade failed: [^(]*\((\d{3})\)")
"""Where the SDK's message has the status of the answer to its first request."""

_STATUS = {
    sdk.CancellationErrorCode.AuthenticationFailure: 401,
    sdk.CancellationErrorCode.Forbidden: 403,
    sdk.CancellationErrorCode.BadRequest: 400,
    sdk.CancellationErrorCode.TooManyRequests: 429,
    sdk.CancellationErrorCode.ServiceError: 500,
    sdk.CancellationErrorCode.ServiceUnavailable: 503,
    sdk.CancellationErrorCode.ServiceTimeout: 504,
}
"""Of an answer on an open connection. For every other code of the SDK's the service is just away."""


@dataclass(frozen=True)
class Asked:
    """What is asked of the service for a span of audio."""

    audio: Path
    span: Span
    locales: Sequence[str]
    """One, or those to choose from as the speech goes on."""
    hints: Sequence[str] = ()
    """Names and terms that are likely to be said."""


@dataclass(frozen=True)
class Ended:
    """The SDK says that it is over. `error` is None where the whole audio was heard."""

    error: EngineUnavailable | EngineRefused | None = None


class Conversation:
    """Holds what the SDK needs while it listens. One use, on one loop."""

    def __init__(self, asked: Asked, config: sdk.SpeechConfig, *, answer_timeout_s: float) -> None:
        self._asked = asked
        self._answer_timeout_s = answer_timeout_s
        self._sound = Sound(asked.audio, asked.span)
        self._stream = sdk.audio.PullAudioInputStream(self._sound, FORMAT)
        self._transcriber = _transcriber(asked, config, self._stream)
        self._connection = sdk.Connection.from_recognizer(self._transcriber)
        self._loop = asyncio.get_running_loop()
        self._events: asyncio.Queue[Phrase | Ended | None] = asyncio.Queue()
        self._heard_all = False
        self._account = Account()
        self._subscribe()

    async def listen(self, heard: Callable[[Phrase], None]) -> None:
        """Hand over each phrase as it comes, to the end of the audio.

        What was handed over stands, whatever happens next.
        Raises: EngineUnavailable, EngineRefused.
        """
        try:
            await asyncio.to_thread(lambda: self._transcriber.start_transcribing_async().get())
            while not isinstance(event := await self._event(), Ended):
                if event is not None and event.text:
                    heard(event)
        finally:
            self._sound.stop()
            # It takes ten seconds where the peer is dead, and nobody has to wait for that.
            threading.Thread(target=self._close, daemon=True, name="speech-closing").start()
        if event.error is not None:
            raise event.error

    async def _event(self) -> Phrase | Ended | None:
        """The next thing that happens. Raises: EngineUnavailable when the service owes an answer for too long."""
        while True:
            left = self._answer_timeout_s - self._sound.unanswered_s()
            if left <= 0:
                raise engine_error(SERVICE, None)
            try:
                return await asyncio.wait_for(self._events.get(), left)
            except TimeoutError:
                continue

    def _subscribe(self) -> None:
        connected, transcribing, transcribed, canceled, stopped = self._signals()
        tell = self._tell
        connected.connect(lambda _: tell(self._account.reconnected))
        transcribing.connect(lambda _: tell(self._answered))
        transcribed.connect(lambda event: tell(self._transcribed, *_result(event.result)))
        canceled.connect(lambda event: tell(self._canceled, event.cancellation_details))
        stopped.connect(lambda _: tell(self._stopped))

    def _signals(self) -> tuple[Any, ...]:
        on = self._transcriber
        return self._connection.connected, on.transcribing, on.transcribed, on.canceled, on.session_stopped

    def _tell(self, happened: Callable[..., None], *what: Any) -> None:
        """Go on on the loop; the SDK calls from its own threads, and may do so when nobody listens any more."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(happened, *what)

    def _answered(self) -> None:
        self._sound.answered()
        self._events.put_nowait(None)

    def _transcribed(self, detail: str | None, offset: int, voice: str, locale: str | None) -> None:
        if detail is None:
            self._answered()
            return
        self._sound.answered()
        start_ms = self._asked.span.start_ms
        try:
            phrase = phrase_of(json.loads(detail), offset=offset, voice=voice, span_start_ms=start_ms, locale=locale)
        except (KeyError, TypeError, ValueError):
            self._events.put_nowait(Ended(EngineUnavailable(f"{SERVICE} sent a result that cannot be read")))
        else:
            self._events.put_nowait(phrase if self._account.adds(phrase) else None)

    def _canceled(self, details: Any) -> None:
        if details.reason == sdk.CancellationReason.EndOfStream:
            self._heard_all = True
        else:
            self._events.put_nowait(Ended(engine_error(SERVICE, _status(details))))

    def _stopped(self) -> None:
        self._loop.call_later(
            0 if self._heard_all else GRACE_S, lambda: self._events.put_nowait(Ended(self._why_not_whole()))
        )

    def _why_not_whole(self) -> EngineUnavailable | EngineRefused | None:
        span = self._asked.span
        if self._sound.error is not None:
            return EngineRefused(str(self._sound.error))
        if not self._heard_all:
            return EngineUnavailable(f"{SERVICE} stopped before the end of the audio")
        if self._sound.drawn_ms < span.end_ms - span.start_ms - SLACK_MS:
            return EngineRefused("the stitched file is shorter than it says")
        return None

    def _close(self) -> None:
        with suppress(RuntimeError):  # what the SDK raises when there is nothing left to stop
            self._transcriber.stop_transcribing_async().get()
        for signal in self._signals():  # they refer to us
            signal.disconnect_all()
        # The connection closes with the last reference to these, which can take as long again: never on the loop.
        # With an identity the SDK's objects refer to each other, and only the collector finds them.
        del self._connection, self._transcriber, self._stream
        gc.collect()


def _transcriber(asked: Asked, config: sdk.SpeechConfig, stream: sdk.audio.PullAudioInputStream) -> Any:
    audio = sdk.audio.AudioConfig(stream=stream)
    if len(asked.locales) == 1:
        language = {"language": asked.locales[0]}
    else:
        detected = sdk.languageconfig.AutoDetectSourceLanguageConfig(languages=list(asked.locales))
        config.set_property(sdk.PropertyId.SpeechServiceConnection_LanguageIdMode, "Continuous")
        language = {"auto_detect_source_language_config": detected}
    transcriber = sdk.transcription.ConversationTranscriber(speech_config=config, audio_config=audio, **language)
    grammar = sdk.PhraseListGrammar.from_recognizer(transcriber)
    for hint in asked.hints:
        grammar.addPhrase(hint)
    return transcriber


def _status(details: Any) -> int | None:
    upgrade = _UPGRADE.search(details.error_details)
    return int(upgrade[1]) if upgrade else _STATUS.get(details.code)


def _result(result: Any) -> tuple[str | None, int, str, str | None]:
    """A final result, as far as it is needed: its JSON (None for no speech), offset in ticks, speaker and language.

    Nothing is looked into here: what is raised in the SDK's thread is lost, and the phrase with it.
    """
    detected = result.properties.get(sdk.PropertyId.SpeechServiceConnection_AutoDetectSourceLanguageResult)
    detail = result.json if result.reason == sdk.ResultReason.RecognizedSpeech else None
    return detail, result.offset, result.speaker_id, detected or None
