"""The stitched audio of a sealed session: made once, kept as a blob, at hand as a local file while it is worked on."""

from __future__ import annotations

import asyncio
import tempfile
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import BinaryIO

from shared.audio.sources import Chunk, ChunkSource, MissingChunk
from shared.audio.stitch import stitch
from shared.domain.errors import NotFound
from shared.domain.manifest import Manifest, ManifestChunk
from shared.domain.model import Model
from shared.domain.names import AUDIO_BLOBS, RECORDINGS_BLOBS
from shared.domain.transcript import Gap
from shared.ports import BlobStore

SPOOL_IN_MEMORY = 1024 * 1024
"""Bytes of a chunk that are kept in memory; more goes to a temporary file."""


class _Stopped(Exception):
    """Whoever waited for the audio no longer does."""


class SessionAudio(Model):
    """What the stitched file holds. Written after the file, so that its presence means the file is whole."""

    duration_ms: int
    gaps: tuple[Gap, ...]


@asynccontextmanager
async def session_audio(manifest: Manifest, *, blobs: BlobStore) -> AsyncIterator[tuple[Path, SessionAudio]]:
    """The session's audio as 16 kHz mono FLAC in a temporary file, stitched now or by an earlier run.

    Raises: AudioUndecodable when no chunk holds audio, StoreUnavailable.
    """
    with tempfile.TemporaryDirectory(prefix="scribe-") as folder:
        audio = Path(folder) / "session.flac"
        known = await _fetch(manifest, audio, blobs)
        if known is None:
            known = await _stitch(manifest, audio, blobs)
            await _keep(manifest, audio, known, blobs)
        yield audio, known


def audio_blob(session_id: str, digest: str) -> str:
    """Blob name of the audio stitched from a manifest."""
    return f"{session_id}/{digest}.flac"


async def _fetch(manifest: Manifest, audio: Path, blobs: BlobStore) -> SessionAudio | None:
    try:
        known = SessionAudio.model_validate_json(await blobs.read(AUDIO_BLOBS, _facts_blob(manifest)))
    except NotFound:
        return None
    with audio.open("wb") as file:
        async for piece in blobs.stream(AUDIO_BLOBS, audio_blob(manifest.session_id, manifest.digest)):
            await asyncio.to_thread(file.write, piece)
    return known


async def _stitch(manifest: Manifest, audio: Path, blobs: BlobStore) -> SessionAudio:
    loop = asyncio.get_running_loop()

    def fetching(chunk: ManifestChunk) -> Chunk:
        if chunk.blob is None:
            return MissingChunk(str(chunk.position))
        blob = chunk.blob
        # The stitcher runs in a thread and asks for a chunk when it needs one; the fetch runs on the loop.
        return ChunkSource(
            str(chunk.position),
            lambda: asyncio.run_coroutine_threadsafe(_download(blob, blobs), loop).result(),
            chunk.size,
        )

    stop = threading.Event()

    def unless_stopped(_read: int, _of: int) -> None:
        if stop.is_set():
            raise _Stopped

    chunks = [fetching(chunk) for chunk in manifest.chunks]
    work = asyncio.create_task(asyncio.to_thread(stitch, chunks, audio, progress=unless_stopped))
    try:
        stitched = await asyncio.shield(work)
    finally:
        # A thread cannot be cancelled: it is told, and waited for, so that it does not write where all is removed.
        stop.set()
        await asyncio.gather(work, return_exceptions=True)
    return SessionAudio(duration_ms=stitched.duration_ms, gaps=stitched.gaps)


async def _download(blob: str, blobs: BlobStore) -> BinaryIO:
    """The chunk's bytes, on disk from a size on; closing the stream deletes them."""
    spool = tempfile.SpooledTemporaryFile(max_size=SPOOL_IN_MEMORY)  # noqa: SIM115 (the stitcher closes it)
    try:
        async for piece in blobs.stream(RECORDINGS_BLOBS, blob):
            await asyncio.to_thread(spool.write, piece)
    except BaseException:
        spool.close()
        raise
    spool.seek(0)
    return spool  # type: ignore[return-value]  # typeshed keeps the two classes apart


async def _keep(manifest: Manifest, audio: Path, known: SessionAudio, blobs: BlobStore) -> None:
    with audio.open("rb") as file:
        name = audio_blob(manifest.session_id, manifest.digest)
        await blobs.put(AUDIO_BLOBS, name, file, content_type="audio/flac", metadata={})
    await blobs.put(
        AUDIO_BLOBS,
        _facts_blob(manifest),
        known.model_dump_json().encode(),
        content_type="application/json",
        metadata={},
    )


def _facts_blob(manifest: Manifest) -> str:
    return f"{manifest.session_id}/{manifest.digest}.json"
