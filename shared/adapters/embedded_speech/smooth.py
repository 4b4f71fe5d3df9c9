"""From how alike each moment is to each voice, to who speaks when: the most likely path. Pure, no I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Path = npt.NDArray[np.intp]

FRAME_MS = 100
"""How finely turns are told apart."""

SHARPNESS = 12.0
"""Cosines lie close together; this turns their differences into log-odds."""

CHANGE_WITHIN = 2.25
"""Log-odds a change of speaker must earn in the middle of speech…"""

CHANGE_AFTER_PAUSE = 0.27
"""…and after a pause, where changes are to be expected."""


@dataclass(frozen=True)
class Turn:
    """One voice speaks from `start_ms` to `end_ms`; voices are numbered from 0."""

    start_ms: int
    end_ms: int
    voice: int


def likeliest_path(scores: Floats, changing: Floats) -> Path:
    """The voice at each moment (Viterbi).

    `scores` is log-likelihoods `[moments, voices]`; `changing` is what a change of voice into each moment costs.
    """
    moments, voices = scores.shape
    came_from = np.zeros((moments, voices), dtype=np.intp)
    stay = np.arange(voices)
    best = scores[0].copy() if moments else np.zeros(voices)
    for moment in range(1, moments):
        leader = int(best.argmax())
        changed = best[leader] - changing[moment]
        came_from[moment] = np.where(changed > best, leader, stay)
        best = np.maximum(best, changed) + scores[moment]
    path = np.zeros(moments, dtype=np.intp)
    if moments:
        path[-1] = int(best.argmax())
    for moment in range(moments - 1, 0, -1):
        path[moment - 1] = came_from[moment, path[moment]]
    return path


def log_odds(cosines: Floats) -> Floats:
    """Log-likelihood of each voice from its cosine, over all voices (log-softmax), `[moments, voices]`."""
    scaled = cosines * SHARPNESS
    scaled = scaled - scaled.max(axis=1, keepdims=True)
    return cast(Floats, scaled - np.log(np.exp(scaled).sum(axis=1, keepdims=True)))


def change_costs(stretch_of: Path) -> Floats:
    """What a change of voice costs at each moment, given the stretch of speech each lies in."""
    fresh = np.diff(stretch_of, prepend=stretch_of[:1]) != 0
    return np.where(fresh, CHANGE_AFTER_PAUSE, CHANGE_WITHIN)


def turns_of(path: Path, stretch_of: Path, starts_ms: Path, ends_ms: Path) -> list[Turn]:
    """Runs of one voice within one stretch of speech; all arguments hold one value a moment."""
    if not len(path):
        return []
    breaks = np.flatnonzero((np.diff(path) != 0) | (np.diff(stretch_of) != 0)) + 1
    firsts = np.concatenate([[0], breaks])
    lasts = np.concatenate([breaks, [len(path)]]) - 1
    return [
        Turn(int(starts_ms[first]), int(ends_ms[last]), int(path[first]))
        for first, last in zip(firsts, lasts, strict=True)
    ]
