"""The whole pipeline against the bare speech engine: what everything around the listening costs.

    python -m bench.pipeline [minutes]

One run, one machine: the engine alone transcribes the recording in this process; then a client uploads the same
recording in chunks to a local stack and waits for the note. Printed are the ratios.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from pathlib import Path

from bench.recordings import repeated
from localcloud.client import Client, Piece
from localcloud.recorder import record_webm
from localcloud.stack import PROJECT, Stack
from shared.adapters.embedded_speech import EmbeddedSpeechEngine
from shared.domain.caller import Role

CHUNK_SECONDS = 30
FORM = {"therapist_userid": "t", "therapist_clientid": "c", "client_userid": "u", "session_id": "bench"}


def main(minutes: float) -> None:
    with tempfile.TemporaryDirectory(prefix="scribe-bench-") as folder:
        audio = repeated(Path(folder) / "session.flac", minutes)
        chunks = record_webm(audio, max(2, round(minutes * 60 / CHUNK_SECONDS)))
        print(f"{minutes:g} min of speech in {len(chunks)} WebM chunks")
        bare = asyncio.run(engine_alone(audio))
        print(f"  engine alone              {bare:6.1f} s")
        upload, rest, stages = through_the_stack(Path(folder) / "home", chunks)
    print(f"  upload                    {upload:6.1f} s")
    for name, ms in stages.items():
        print(f"    {name.removesuffix('_ms'):22}  {ms / 1000:6.1f} s")
    print(f"  last chunk to note        {rest:6.1f} s   {rest / bare:5.2f} × the engine alone")
    print(f"  first chunk to note       {upload + rest:6.1f} s   {(upload + rest) / bare:5.2f} × the engine alone")


async def engine_alone(audio: Path) -> float:
    """Seconds, the model being loaded already."""
    engine = EmbeddedSpeechEngine(cache_dir=PROJECT / ".local" / "models")
    await engine.transcribe(PROJECT / "tests" / "data" / "speech" / "austen_0880.flac", locale="en-US")
    began = time.monotonic()
    await engine.transcribe(audio, locale="en-US")
    return time.monotonic() - began


def through_the_stack(home: Path, chunks: list[bytes]) -> tuple[float, float, dict[str, int]]:
    """Seconds of the upload, seconds from there to the note, and the app's own timings of the stages in ms."""
    stack = Stack(home)
    stack.start()
    try:
        with Client(stack.url, stack.issuer.token("t", [Role.THERAPIST])) as client:
            pieces = [Piece(chunk, f"part{n}.webm", n, n == len(chunks) - 1) for n, chunk in enumerate(chunks)]
            began = time.monotonic()
            client.upload_all(pieces, at_once=2, told=lambda *_: None, **FORM)
            uploaded = time.monotonic()
            end = client.follow("bench", timeout_s=3600)
            finished = time.monotonic()
    finally:
        stack.stop()
    if end["state"] != "done":
        raise SystemExit(f"the session ended as {end['state']}: {end['error']}")
    return uploaded - began, finished - uploaded, end["timings"]


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 10)
