"""The stitched audio as the Speech SDK draws it: a piece at a time, so that memory does not grow with the session."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import azure.cognitiveservices.speech as sdk
import numpy as np

from shared.adapters.azure_speech.stretches import Span
from shared.audio.flac import RATE, read_blocks
from shared.domain.errors import AudioUndecodable

BLOCK_MS = 1000
LOUD = 300
"""Of 32,767: what rises above this may be speech, and is not left unanswered for long."""

FORMAT = sdk.audio.AudioStreamFormat(samples_per_second=RATE, bits_per_sample=16, channels=1)


class Sound(sdk.audio.PullAudioInputStreamCallback):  # type: ignore[misc]
    """A span of the audio, drawn by a thread of the SDK.

    A stream that is drawn from, not pushed into: the SDK keeps all that is pushed until its time has come, which for
    an hour is 115 MB.
    """

    def __init__(self, audio: Path, span: Span) -> None:
        super().__init__()
        self._blocks = _blocks(audio, span)
        self._rest = b""
        self._unanswered_since: float | None = None
        self._over = False
        self.drawn_ms = 0
        """How much the SDK has taken."""
        self.error: AudioUndecodable | None = None
        """Why there is no more, where the file is damaged."""

    def read(self, buffer: memoryview) -> int:
        """Fill the SDK's buffer; 0 at the end."""
        if not self._rest and not self._over:
            self._rest = self._next()
        piece, self._rest = self._rest[: len(buffer)], self._rest[len(buffer) :]
        buffer[: len(piece)] = piece
        self.drawn_ms += len(piece) * 1000 // (2 * RATE)
        return len(piece)

    def stop(self) -> None:
        """No more of it."""
        self._over, self._rest = True, b""

    def answered(self) -> None:
        """The service has said something."""
        self._unanswered_since = time.monotonic() if self._over else None

    def unanswered_s(self) -> float:
        """For how long the service has said nothing to sound, or to the end of all sound. Silence asks for nothing."""
        since = self._unanswered_since
        return 0 if since is None else time.monotonic() - since

    def _next(self) -> bytes:
        try:
            block = next(self._blocks, b"")
        except AudioUndecodable as error:
            self.error, block = error, b""
        self._over = self._over or not block
        if self._unanswered_since is None and (self._over or _loud(block)):
            self._unanswered_since = time.monotonic()
        return block


def _blocks(audio: Path, span: Span) -> Iterator[bytes]:
    """PCM, 16 bits, a second at a time."""
    samples = (span.end_ms - span.start_ms) * RATE // 1000
    for block in islice(read_blocks(audio, BLOCK_MS, start_ms=span.start_ms), -(-samples * 1000 // (RATE * BLOCK_MS))):
        yield (block[:samples] * 32768).astype("<i2").tobytes()
        samples -= len(block)


def _loud(block: bytes) -> bool:
    return int(np.abs(np.frombuffer(block, dtype="<i2").astype(np.int32)).max()) > LOUD
