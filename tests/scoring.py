"""How wrong a transcript is: word error rate, the same with speakers held against it, and diarization error rate.

Errors are counts, not rates, so that several recordings add up to one rate.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import jiwer
import numpy as np
from scipy.optimize import linear_sum_assignment
from whisper_normalizer.english import EnglishTextNormalizer

COLLAR_S = 0.25
"""Not scored on either side of each reference boundary, as in NIST's md-eval."""

_normalised = EnglishTextNormalizer()


@dataclass(frozen=True)
class Errors:
    """`wrong` out of `total`: words, or seconds of speech."""

    wrong: float = 0.0
    total: float = 0.0

    def __add__(self, other: Errors) -> Errors:
        return Errors(self.wrong + other.wrong, self.total + other.total)

    @property
    def rate(self) -> float:
        return self.wrong / self.total if self.total else 0.0

    def __str__(self) -> str:
        return f"{100 * self.rate:5.1f}%"


@dataclass(frozen=True)
class Turn:
    """Seconds during which one speaker talks; turns of several speakers may overlap."""

    start: float
    end: float
    speaker: str


def read_rttm(path: Path) -> list[Turn]:
    """NIST rich transcription time marks: `SPEAKER file channel start duration <NA> <NA> name …`."""
    rows = [line.split() for line in path.read_text().splitlines() if line.startswith("SPEAKER")]
    return [Turn(float(row[3]), float(row[3]) + float(row[4]), row[7]) for row in rows]


def word_errors(reference: str, heard: str) -> Errors:
    """Substitutions, deletions and insertions after Whisper's English text normalisation."""
    truth, guess = _normalised(reference), _normalised(heard)
    total = len(truth.split())
    if not truth or not guess:
        return Errors(total + len(guess.split()), total)
    found = jiwer.process_words(truth, guess)
    return Errors(found.substitutions + found.deletions + found.insertions, total)


def attributed_word_errors(reference: Iterable[tuple[str, str]], heard: Iterable[tuple[str, str]]) -> Errors:
    """Concatenated minimum-permutation word errors (cpWER) of (speaker, text) pairs.

    Each speaker's words are joined; speakers are paired so that the errors are fewest. A speaker without a partner
    counts whole: as deleted words in the reference, as inserted ones in what was heard.
    """
    truth, guess = _joined(reference), _joined(heard)
    size = max(len(truth), len(guess))
    truth += [""] * (size - len(truth))
    guess += [""] * (size - len(guess))
    costs = np.array([[word_errors(said, written).wrong for written in guess] for said in truth])
    rows, columns = linear_sum_assignment(costs)
    return Errors(float(costs[rows, columns].sum()), sum(word_errors(said, said).total for said in truth))


def _joined(parts: Iterable[tuple[str, str]]) -> list[str]:
    texts: dict[str, list[str]] = {}
    for speaker, text in parts:
        texts.setdefault(speaker, []).append(text)
    return [" ".join(spoken) for spoken in texts.values()]


def diarization_errors(reference: Sequence[Turn], heard: Sequence[Turn], *, collar: float = COLLAR_S) -> Errors:
    """Missed, falsely alarmed and confused seconds, out of the seconds of reference speech; overlap is scored.

    NIST's definition: in a stretch with R reference and H heard speakers, of whom C are rightly paired, the error is
    max(R, H) - C; the pairing is the one that agrees longest.
    """
    borders = {edge for turn in reference for edge in (turn.start, turn.end)}
    edges = borders | {edge for turn in heard for edge in (turn.start, turn.end)}
    edges |= {border + side * collar for border in borders for side in (-1, 1)}
    times = np.array(sorted(edges))
    middles, lengths = (times[:-1] + times[1:]) / 2, np.diff(times)
    scored = np.all([np.abs(middles - border) >= collar for border in borders], axis=0)
    truth, guess = _activity(reference, middles), _activity(heard, middles)
    lengths = lengths * scored
    agreement = (truth * lengths) @ guess.T
    rows, columns = linear_sum_assignment(-agreement)
    confused = np.maximum(truth.sum(0), guess.sum(0)) @ lengths - agreement[rows, columns].sum()
    return Errors(float(confused), float(truth.sum(0) @ lengths))


def _activity(turns: Sequence[Turn], times: np.ndarray) -> np.ndarray:
    """Who talks when: one row a speaker, one column a time, 0 or 1."""
    names = sorted({turn.speaker for turn in turns})
    active = np.zeros((max(len(names), 1), len(times)))
    for turn in turns:
        active[names.index(turn.speaker)] = np.maximum(
            active[names.index(turn.speaker)], (turn.start <= times) & (times < turn.end)
        )
    return active
