"""Long audio in blocks cut at silence, so that memory does not grow with the session and no word is cut in two."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shared.audio.flac import RATE

Floats = npt.NDArray[np.float32]
FindSpeech = Callable[[Floats], Sequence[tuple[int, int]]]

LONGEST_S = 150
"""A block is cut when this much audio is at hand…"""

CUT_WITHIN_S = 30
"""…at the longest pause in the last seconds of it."""

QUIET_S = 0.2
"""Where there is no pause, the quietest stretch of this length is the place to cut."""


@dataclass(frozen=True)
class Block:
    """16 kHz mono samples in -1…1, from `start_ms` of the session on."""

    samples: Floats
    start_ms: int

    @property
    def end_ms(self) -> int:
        """Where the next block starts."""
        return self.start_ms + len(self.samples) * 1000 // RATE


def cut_at_silence(pieces: Iterable[Floats], find_speech: FindSpeech) -> Iterator[Block]:
    """Blocks of two to two and a half minutes (the last may be shorter), without gap or overlap."""
    held: list[Floats] = []
    length = start = 0
    for piece in pieces:
        held.append(piece)
        length += len(piece)
        while length >= LONGEST_S * RATE:
            audio = np.concatenate(held)
            cut = _place_to_cut(audio[: LONGEST_S * RATE], find_speech)
            yield Block(audio[:cut], start * 1000 // RATE)
            held, length, start = [audio[cut:].copy()], len(audio) - cut, start + cut
    if length:
        yield Block(np.concatenate(held), start * 1000 // RATE)


def _place_to_cut(audio: Floats, find_speech: FindSpeech) -> int:
    """A sample near the end of `audio`, in the middle of the longest pause there."""
    first = max(0, len(audio) - CUT_WITHIN_S * RATE)
    tail = audio[first:]
    edges = [0, *(edge for stretch in find_speech(tail) for edge in stretch), len(tail)]
    length, pause_start = max((end - start, start) for start, end in zip(edges[::2], edges[1::2], strict=True))
    if length > 0:
        return first + max(1, pause_start + length // 2)
    step = int(QUIET_S * RATE)
    loudness = np.square(tail[: len(tail) // step * step].reshape(-1, step)).sum(axis=1)
    return first + int(loudness.argmin()) * step + step // 2
