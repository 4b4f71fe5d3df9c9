"""From voiceprints to voices: which windows of speech were spoken by the same person. Pure, no I/O."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import cast

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Labels = npt.NDArray[np.intp]

USUAL_VOICES = 2
"""A therapist and a client: what is assumed when nobody says how many speak."""

ONE_VOICE = 0.77
"""Two halves of one speaker's speech are at least this alike (cosine of their centroids): 0.78 and up in recordings of
seconds, 0.85 and up in longer ones. Two speakers were 0.75 alike at most, under heavy noise.
"""

MOST_CLUSTERED = 1500
"""Pairs grow with the square: of more windows than this an even sample decides what the voices are."""

FEW = 1 / 50
"""A group with a smaller share of the windows is a cough or a slammed door, not a voice."""

ROUNDS = 5
"""Reassigning to the nearest centroid settles well before this."""


def find_voices(prints: Floats, count: int | None = None) -> Floats:
    """One unit vector a voice, `[voices, dimensions]`, from unit vectors `[windows, dimensions]`.

    `count` is how many people speak; None assumes two, unless both halves turn out to be one voice. There are never
    more voices than windows. Raises: ValueError for no windows or a count below one.
    """
    if not len(prints) or (count is not None and count < 1):
        raise ValueError(f"cannot find {count} voices in {len(prints)} windows")
    sample = prints[:: -(-len(prints) // MOST_CLUSTERED)]
    groups = groups_of(agglomerate(sample), len(sample), min(count or USUAL_VOICES, len(sample)))
    voices = _settle(sample, _centroids([sample[group] for group in groups]))
    if count is None and len(voices) == USUAL_VOICES and float(voices[0] @ voices[1]) >= ONE_VOICE:
        return _centroids([sample])
    return voices


def agglomerate(prints: Floats) -> list[tuple[int, int]]:
    """All merges of average linkage, the most alike groups (mean cosine between their members) first.

    A merge (kept, gone) joins the group that began as window `gone` into the one that began as `kept`. Each group
    remembers its nearest neighbour, so a merge costs a few rows and not the whole matrix.
    """
    size = len(prints)
    alike = (prints @ prints.T).astype(np.float64)
    np.fill_diagonal(alike, -np.inf)
    members = np.ones(size)
    nearest, likeness = alike.argmax(axis=1), alike.max(axis=1)
    merges: list[tuple[int, int]] = []
    for _ in range(size - 1):
        kept = int(likeness.argmax())
        gone = int(nearest[kept])
        row = (alike[kept] * members[kept] + alike[gone] * members[gone]) / (members[kept] + members[gone])
        row[kept] = -np.inf
        alike[kept] = alike[:, kept] = row
        alike[gone] = alike[:, gone] = -np.inf
        members[kept] += members[gone]
        stale = np.flatnonzero((nearest == kept) | (nearest == gone))
        nearest[stale], likeness[stale] = alike[stale].argmax(axis=1), alike[stale].max(axis=1)
        merges.append((kept, gone))
    return merges


def groups_of(merges: Sequence[tuple[int, int]], size: int, count: int) -> list[list[int]]:
    """The coarsest grouping of `size` windows in which `count` groups are large enough to be voices.

    Groups too small are left out. Where no grouping has so many large ones (very little speech), any size will do.
    """
    for smallest in (math.ceil(size * FEW), 1):
        groups: dict[int, list[int]] = {window: [window] for window in range(size)}
        found: list[list[int]] = []
        for kept, gone in [*merges, (-1, -1)]:
            large = [group for group in groups.values() if len(group) >= smallest]
            if len(large) == count:
                found = [list(group) for group in large]
            if kept >= 0:
                groups[kept] = groups[kept] + groups.pop(gone)
        if found:
            return found
    raise ValueError(f"cannot part {size} windows into {count} groups")


def _settle(prints: Floats, voices: Floats) -> Floats:
    """Let windows move to the voice they are most like, until none does."""
    labels = (prints @ voices.T).argmax(axis=1)
    for _ in range(ROUNDS):
        if len(np.unique(labels)) < len(voices):
            break
        voices = _centroids([prints[labels == label] for label in range(len(voices))])
        moved = (prints @ voices.T).argmax(axis=1)
        if np.array_equal(moved, labels):
            break
        labels = moved
    return voices


def _centroids(groups: Sequence[Floats]) -> Floats:
    sums = np.stack([group.sum(axis=0) for group in groups])
    return cast(Floats, sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-9))
