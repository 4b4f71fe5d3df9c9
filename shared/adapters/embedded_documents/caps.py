"""What a document may cost."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Caps:
    """Limits of one document: pages, pixels of one picture, seconds and bytes of memory for the whole, threads.

    `wait_seconds` is how long it may wait for others to be read: an answer is due within 230 seconds.
    """

    pages: int = 2000
    pixels: int = 80_000_000
    seconds: int = 180
    memory_bytes: int = 3 * 1024**3
    threads: int = 2
    wait_seconds: int = 30
