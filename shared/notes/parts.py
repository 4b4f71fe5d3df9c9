"""A session in parts that a language model can take in at once: cut between turns, nothing left out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby

from shared.domain.transcript import Segment

Part = tuple[Segment, ...]


def parts_of(segments: Sequence[Segment], room: float, size: Callable[[Segment], float]) -> list[Part]:
    """Parts of at most `room` by `size`, in order, every segment in exactly one.

    Cut where the speaker changes; a turn that is too long by itself between its segments. A single segment that is
    too long is a part of its own: words are never cut off.
    """
    parts: list[list[Segment]] = []
    left = 0.0
    for run in _fitting(segments, room, size):
        needed = sum(size(segment) for segment in run)
        if not parts or needed > left:
            parts.append([])
            left = room
        parts[-1] += run
        left -= needed
    return [tuple(part) for part in parts]


def halved(part: Part) -> tuple[Part, Part] | None:
    """The part in two, cut at the change of speaker nearest its middle, else in its middle; None for one segment."""
    if len(part) < 2:  # noqa: PLR2004 (one segment cannot be halved)
        return None
    middle = len(part) // 2
    changes = [n for n in range(1, len(part)) if part[n].speaker != part[n - 1].speaker]
    cut = min(changes, key=lambda n: abs(n - middle), default=middle)
    return part[:cut], part[cut:]


def _fitting(segments: Sequence[Segment], room: float, size: Callable[[Segment], float]) -> list[list[Segment]]:
    """Turns, and the segments of turns that do not fit."""
    runs: list[list[Segment]] = []
    for _, turn in groupby(segments, key=lambda segment: segment.speaker):
        run = list(turn)
        runs += [run] if sum(size(segment) for segment in run) <= room else [[segment] for segment in run]
    return runs
