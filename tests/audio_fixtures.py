"""Audio the tests are made of, and the stitching of chunks that are bytes in memory."""

import io
from collections.abc import Sequence
from functools import cache, partial
from itertools import pairwise
from pathlib import Path

import numpy as np

from localcloud.recorder import RECORDERS, Samples, cut, encode, samples_of
from shared.audio.stitch import ChunkSource, MissingChunk, Stitched, stitch

SPEECH = Path(__file__).parent / "data" / "speech"
MISSING = None


@cache
def speech(seconds: int = 24) -> Samples:
    """The beginning of the fictional session, 16 kHz mono."""
    return samples_of(SPEECH / "therapy_tts.flac")[: seconds * 16_000]


@cache
def one_file(kind: str, seconds: int = 24) -> bytes:
    """The speech as one file of a recorder."""
    return encode(speech(seconds), RECORDERS[kind])


@cache
def own_files(kind: str, pieces: int = 4) -> tuple[bytes, ...]:
    """The speech as files of their own, as an app makes that stops and starts its recorder."""
    return tuple(encode(part, RECORDERS[kind]) for part in np.array_split(speech(), pieces))


def pieces_of(kind: str, pieces: int = 6) -> list[bytes]:
    """The speech as one file cut into pieces."""
    return cut(one_file(kind), pieces)


def cut_at(recording: bytes, bounds: Sequence[int]) -> list[bytes]:
    """One file cut at the given offsets."""
    edges = [0, *sorted(bounds), len(recording)]
    return [recording[start:end] for start, end in pairwise(edges) if end > start]


def replaced(chunks: Sequence[bytes], index: int, by: bytes | None) -> list[bytes | None]:
    """The chunks with one of them lost (None) or overwritten."""
    return [*chunks[:index], by, *chunks[index + 1 :]]


def garbage(size: int = 20_000, seed: int = 0) -> bytes:
    """Bytes that are nothing, the same each time."""
    return np.random.default_rng(seed).bytes(size)


def in_memory(label: str, content: bytes) -> ChunkSource:
    """A chunk whose bytes need no file."""
    return ChunkSource(label, partial(io.BytesIO, content), len(content))


def join(chunks: Sequence[bytes | None], folder: Path) -> tuple[Stitched, Samples]:
    """Stitch chunks labelled by their position; what came out, and its samples."""
    out = folder / "session.flac"
    sources = [MissingChunk(str(n)) if chunk is None else in_memory(str(n), chunk) for n, chunk in enumerate(chunks)]
    stitched = stitch(sources, out)
    return stitched, samples_of(out)


def likeness(one: Samples, other: Samples) -> float:
    """Correlation of two signals over their common length, 1 for the same audio."""
    length = min(len(one), len(other))
    a, b = one[:length].astype(np.float64), other[:length].astype(np.float64)
    return float(np.corrcoef(a, b)[0, 1])
