"""Words from speech: Whisper over one block at a time, with nothing written where nobody speaks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from shared.adapters.embedded_speech.dereverberate import dereverberated
from shared.adapters.embedded_speech.voices import find_speech
from shared.adapters.embedded_speech.windows import LONGEST_S, in_windows
from shared.audio.flac import RATE
from shared.domain.errors import EngineRefused
from shared.domain.transcript import Word

if TYPE_CHECKING:
    from faster_whisper import BatchedInferencePipeline, WhisperModel
    from faster_whisper.transcribe import Segment as Passage

Floats = npt.NDArray[np.float32]

TEMPERATURES = (0.0, 0.2, 0.4)
"""Greedy first; a little chance where the decoder repeats itself. Hotter than this it invents."""

BEAMS = 5
"""Readings that are followed side by side at the second hearing (OpenAI Whisper's own number)."""

UNSURE = 0.5
"""A word with a lower probability is more likely another."""

NOISY = 0.05
"""A block is heard again where a larger share of its words is unsure: more than one in twenty. Clean recordings of
forty words or more have 0 to 0.03, the same with room response and noise (12 dB) 0.03 to 0.35…"""

FEWEST = 3
"""…and at least so many are: in a short recording one or two are chance."""

KEPT = 0.9
"""A second hearing with a smaller share of the first one's words has left something out."""

REPETITIVE = 2.4
"""Text that gzip shrinks by more than this is a decoder caught in a loop (OpenAI Whisper's own limit)."""

DOUBTFUL_SPEECH = 0.6
"""Above this no-speech probability…"""

DOUBTFUL_TEXT = -0.7
"""…text with a lower average log-probability is an invention."""

INVENTED = -1.5
"""Average log-probability below which text is an invention whatever else speaks for it."""


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

    Sound is heard passage by passage, each from where the last word of the one before ended, with one beam. Where that
    leaves many words unsure it is heard a second time: with less of the room, in windows that end in pauses, with more
    beams and without times asked of the decoder (words get theirs afterwards). The surer hearing is kept.
    """

    def __init__(self, model: str, *, threads: int) -> None:
        from faster_whisper import BatchedInferencePipeline, WhisperModel  # noqa: PLC0415 (heavy: only where needed)

        self._passages: WhisperModel = WhisperModel(model, device="cpu", compute_type="int8", cpu_threads=threads)
        self._windows: BatchedInferencePipeline = BatchedInferencePipeline(self._passages)

    def hear(self, samples: Floats, start_ms: int, language: str | None) -> Recognised:
        """The words in a block of 16 kHz audio that starts `start_ms` into the session.

        Raises: EngineRefused for a language the model does not know.
        """
        try:
            passages, about = self._passages.transcribe(
                samples,
                language=language,
                beam_size=1,
                temperature=TEMPERATURES,
                compression_ratio_threshold=REPETITIVE,
                condition_on_previous_text=False,
                word_timestamps=True,
                vad_filter=True,
            )
        except ValueError as error:
            raise EngineRefused("the speech model does not know this language") from error
        words = _all_words(passages, start_ms)
        if noisy(words):
            words = surer(words, self._hear_in_windows(samples, start_ms, about.language))
        return Recognised(tuple(words), about.language)

    def _hear_in_windows(self, samples: Floats, start_ms: int, language: str) -> list[Word]:
        words: list[Word] = []
        for first, last in in_windows(find_speech(samples, LONGEST_S), len(samples)):
            passages, _ = self._windows.transcribe(
                dereverberated(samples[first:last]),
                language=language,
                beam_size=BEAMS,
                batch_size=1,
                without_timestamps=True,
                word_timestamps=True,
                vad_filter=False,
            )
            words += _all_words(passages, start_ms + first * 1000 // RATE)
        return words


def noisy(words: Sequence[Word]) -> bool:
    """Whether so many words are unsure that a second hearing is worth its time."""
    unsure = sum(_sureness(word) < UNSURE for word in words)
    return unsure >= FEWEST and unsure > NOISY * len(words)


def surer(first: list[Word], second: list[Word]) -> list[Word]:
    """The hearing whose words have the higher mean log-probability; the first if the second leaves words out."""
    if len(second) < KEPT * len(first):
        return first
    return max(first, second, key=_likelihood)


def _likelihood(words: Sequence[Word]) -> float:
    return float(np.mean([np.log(max(_sureness(word), 0.001)) for word in words]))


def _sureness(word: Word) -> float:
    return 1.0 if word.confidence is None else word.confidence


def invented(passage: Passage) -> bool:
    """Whether the recogniser itself gives away that nobody said this."""
    likely = float(passage.avg_logprob)
    loop = float(passage.compression_ratio) > REPETITIVE
    silence = float(passage.no_speech_prob) > DOUBTFUL_SPEECH and likely < DOUBTFUL_TEXT
    return loop or silence or likely < INVENTED


def _all_words(passages: Iterable[Passage], start_ms: int) -> list[Word]:
    return [word for passage in passages if not invented(passage) for word in _words(passage, start_ms)]


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
