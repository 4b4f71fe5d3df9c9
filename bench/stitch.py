"""Stitching against a bare decode and resample of the same bytes: `python -m bench.stitch`.

`decode` is what ffmpeg does at least: demux, decode and resample to 16 kHz mono, nothing kept. `+ flac` also encodes
that to FLAC, with the writer stitching uses. Both go over whole files, whose bytes are joined already.
"""

from __future__ import annotations

import io
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import av
import numpy as np

from localcloud.recorder import RECORDERS, Samples, cut, encode, samples_of
from shared.audio.flac import FlacWriter
from shared.audio.stitch import ChunkSource, stitch

SPEECH = Path(__file__).parents[1] / "tests" / "data" / "speech" / "therapy_tts.flac"
MINUTES = 10
CHUNKS = 20
ROUNDS = 3


def main() -> None:
    recording = samples_of(SPEECH)
    recording = np.tile(recording, MINUTES * 60 * 16_000 // len(recording) + 1)[: MINUTES * 60 * 16_000]
    print(f"{MINUTES} minutes in {CHUNKS} chunks, best of {ROUNDS}; x = times real time")
    print(f"{'chunks':<24}{'decode':>9}{'+ flac':>9}{'stitch':>9}{'stitch / decode':>18}{'/ (decode + flac)':>19}")
    for name, files, chunks in sessions(recording):
        bare, with_flac, ours = measure(files, chunks)
        rates = "".join(f"{MINUTES * 60 / seconds:>8.0f}x" for seconds in (bare, with_flac, ours))
        print(f"{name:<24}{rates}{ours / bare:>18.2f}{ours / with_flac:>19.2f}")


def sessions(recording: Samples) -> list[tuple[str, list[bytes], list[bytes]]]:
    """Name, whole files, and the chunks they come in."""
    rows = []
    for kind in ("webm", "ogg", "m4a-fragmented", "mp3", "aac", "wav", "flac"):
        whole = encode(recording, RECORDERS[kind])
        rows.append((f"{kind}, pieces", [whole], cut(whole, CHUNKS)))
    for kind in ("webm", "m4a", "mp3", "wav"):
        files = [encode(part, RECORDERS[kind]) for part in np.array_split(recording, CHUNKS)]
        rows.append((f"{kind}, files", files, files))
    return rows


def measure(files: list[bytes], chunks: list[bytes]) -> tuple[float, float, float]:
    """Seconds of a bare decode, of a decode with FLAC, and of stitching."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.flac"
        sources = [ChunkSource(str(n), partial(io.BytesIO, chunk), len(chunk)) for n, chunk in enumerate(chunks)]
        return (
            best(lambda: decode_bare(files)),
            best(lambda: decode_to_flac(files, out)),
            best(lambda: stitch(sources, out)),
        )


def best(work: Callable[[], object]) -> float:
    taken = []
    for _ in range(ROUNDS):
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return min(taken)


def decode_bare(files: list[bytes]) -> None:
    for file in files:
        resampler = av.AudioResampler(format="s16", layout="mono", rate=16_000)
        for frame in frames_of(file):
            resampler.resample(frame)
        resampler.resample(None)


def decode_to_flac(files: list[bytes], out: Path) -> None:
    with FlacWriter(out) as flac:
        for file in files:
            for frame in frames_of(file):
                flac.write(frame)
            flac.settle()


def frames_of(file: bytes) -> Any:
    opened: Any = av.open(io.BytesIO(file))
    with opened:
        yield from opened.decode(audio=0)


if __name__ == "__main__":
    main()
