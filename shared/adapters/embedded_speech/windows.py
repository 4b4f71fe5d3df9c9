"""What the recogniser hears at once: stretches of speech in windows that end in a pause. Pure, no I/O."""

from __future__ import annotations

from collections.abc import Iterable

from shared.audio.flac import RATE

LONGEST_S = 29
"""Whisper hears thirty seconds at once; a window is a little shorter, so that its margins fit."""

PAUSE_S = 5
"""A pause this long ends a window: in silence the recogniser invents."""

MARGIN_S = 0.2
"""Sound kept before and after the speech of a window."""


def in_windows(stretches: Iterable[tuple[int, int]], length: int) -> list[tuple[int, int]]:
    """First and last sample of each window, from those of the stretches of speech in `length` samples.

    A window takes as many stretches as fit, with the pauses between them as they are. No stretch may be longer than a
    window.
    """
    windows: list[tuple[int, int]] = []
    for start, end in stretches:
        if windows and end - windows[-1][0] <= LONGEST_S * RATE and start - windows[-1][1] < PAUSE_S * RATE:
            windows[-1] = (windows[-1][0], end)
        else:
            windows.append((start, end))
    margin = int(MARGIN_S * RATE)
    return [(max(0, start - margin), min(length, end + margin)) for start, end in windows]
