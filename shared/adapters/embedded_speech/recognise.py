"""Words from speech: Whisper over one window of speech at a time, with nothing written where nobody speaks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from shared.adapters.embedded_speech.voices import find_speech
from shared.adapters.embedded_speech.windows import LONGEST_S, in_windows
from shared.audio.flac import RATE
from shared.domain.errors import EngineRefused
from shared.domain.transcript import Word

if TYPE_CHECKING:
    from faster_whisper import BatchedInferencePipeline, WhisperModel
    from faster_whisper.transcribe import Segment as Passage

Floats = npt.NDArray[np.float32]

BEAMS = 5
"""Readings of a window that are followed side by side (OpenAI Whisper's own number)."""

TEMPERATURES = (0.0, 0.2, 0.4)
"""At the second hearing: greedy first, a little chance where the decoder repeats itself. Hotter it invents."""

REPETITIVE = 2.4
"""Text that gzip shrinks by more than this is a decoder caught in a loop (OpenAI Whisper's own limit)."""

DOUBTFUL_SPEECH = 0.6
"""Above this no-speech probability…"""

DOUBTFUL_TEXT = -0.7
"""…text with a lower average log-probability is an invention."""

INVENTED = -1.5
"""Average log-probability below which text is an invention whatever else speaks for it."""

UNLIKELY = -1.0
"""Average log-probability below which a window is heard again (OpenAI Whisper's own limit)."""

SLOWEST = 0.5
"""Words a second. People say two to four: with fewer than this, the decoder has stopped before the speech has."""

JOINING = "-'’"  # noqa: RUF001 (a typographic apostrophe is meant)
"""A part that starts with one of these, and not with a space, continues the word before it."""


@dataclass(frozen=True)
class Recognised:
    """The words of one block in session time, and the language they were heard in (ISO 639-1)."""

    words: tuple[Word, ...]
    language: str


def language_of(locale: str) -> str | None:
    """`en-US` → `en`; None where the recogniser is to find out (`auto`, or nothing)."""
    code = locale.replace("_", "-").partition("-")[0].lower()
    return None if code in ("", "auto") else code


class Recogniser:
    """Whisper, loaded once, weights as int8.

    A window is heard at once: no times are asked of the decoder, which leaves it more sure of the words, and words get
    theirs afterwards. Heard so, there is no second chance in a loop or after an early end; there the window is heard
    once more, passage by passage.
    """

    def __init__(self, model: str, *, threads: int) -> None:
        from faster_whisper import BatchedInferencePipeline, WhisperModel  # noqa: PLC0415 (heavy: only where needed)

        self._by_passage: WhisperModel = WhisperModel(model, device="cpu", compute_type="int8", cpu_threads=threads)
        self._at_once: BatchedInferencePipeline = BatchedInferencePipeline(self._by_passage)

    def hear(self, samples: Floats, start_ms: int, language: str | None) -> Recognised:
        """The words in a block of 16 kHz audio that starts `start_ms` into the session.

        Raises: EngineRefused for a language the model does not know.
        """
        words: list[Word] = []
        for first, last in in_windows(find_speech(samples, LONGEST_S), len(samples)):
            heard = self._hear_window(samples[first:last], start_ms + first * 1000 // RATE, language)
            if heard.words:
                language = heard.language
            words += heard.words
        return Recognised(tuple(words), language or "")

    def _hear_window(self, samples: Floats, start_ms: int, language: str | None) -> Recognised:
        try:
            found, about = self._at_once.transcribe(
                samples,
                language=language,
                beam_size=BEAMS,
                batch_size=1,
                without_timestamps=True,
                word_timestamps=True,
                vad_filter=False,
            )
        except ValueError as error:
            raise EngineRefused("the speech model does not know this language") from error
        passages = list(found)
        if doubtful(passages, len(samples) / RATE):
            passages = self._hear_again(samples, about.language)
        words = [word for passage in passages if not invented(passage) for word in _words(passage, start_ms)]
        return Recognised(tuple(words), about.language)

    def _hear_again(self, samples: Floats, language: str) -> list[Passage]:
        passages, _ = self._by_passage.transcribe(
            samples,
            language=language,
            beam_size=1,
            temperature=TEMPERATURES,
            compression_ratio_threshold=REPETITIVE,
            condition_on_previous_text=False,
            word_timestamps=True,
            vad_filter=True,
        )
        return list(passages)


def doubtful(passages: Sequence[Passage], seconds: float) -> bool:
    """Whether what was heard in a window of this length is in a loop, unlikely, or ends before the speech does."""
    words = sum(len(passage.words or ()) for passage in passages)
    unlikely = any(invented(passage) or passage.avg_logprob < UNLIKELY for passage in passages)
    return unlikely or words < SLOWEST * seconds


def invented(passage: Passage) -> bool:
    """Whether the recogniser itself gives away that nobody said this."""
    likely = float(passage.avg_logprob)
    loop = float(passage.compression_ratio) > REPETITIVE
    silence = float(passage.no_speech_prob) > DOUBTFUL_SPEECH and likely < DOUBTFUL_TEXT
    return loop or silence or likely < INVENTED


def _words(passage: Passage, start_ms: int) -> list[Word]:
    """The passage's words in session time. The recogniser parts `real -time` and `o 'clock`: they are one word here."""
    words: list[Word] = []
    for heard in passage.words or ():
        word = Word(
            start_ms=start_ms + round(heard.start * 1000),
            end_ms=start_ms + round(heard.end * 1000),
            text=heard.word.strip(),
            confidence=round(float(heard.probability), 3),
        )
        if words and word.text and heard.word[0] in JOINING:
            words[-1] = _joined(words[-1], word)
        elif word.text:
            words.append(word)
    return words


def _joined(first: Word, second: Word) -> Word:
    """As sure as the part that is least sure."""
    sure = [word.confidence for word in (first, second) if word.confidence is not None]
    return Word(
        start_ms=first.start_ms, end_ms=second.end_ms, text=first.text + second.text, confidence=min(sure, default=None)
    )
