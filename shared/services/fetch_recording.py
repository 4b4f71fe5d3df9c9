"""Fetch the recording of a processing session, and enter it in the ledger as the session's one chunk.

    1 fetch           from a partner's upload through the store, from anywhere else through the guarded web
    2 look            audio, or the end
    3 blob            create-only; the first copy counts, should the address give something else the next time
    4 ledger          one batch
    5 recording row   deterministic key
    6 seal            starts transcription: from here on it is a session like any other

Every step may be repeated.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import tempfile
from typing import IO, BinaryIO, cast

from shared.audio.sniff import HEAD_BYTES, container_of
from shared.domain.errors import AlreadyExists, NotFound, SourceRefused
from shared.domain.names import FETCH_QUEUE, PARTNER_UPLOADS, RECORDINGS_BLOBS
from shared.domain.session import ChunkMark, Session, State, StoredChunk
from shared.ports import BlobInfo, BlobStore, Clock, Queues, Web
from shared.services.accept_chunk import PIECE, folder
from shared.services.claims import Claims
from shared.services.end_processing import Endings
from shared.services.failures import recording_failures
from shared.services.ledger import Ledger
from shared.services.numbers import Numbers
from shared.services.processing_requests import ProcessingRequests
from shared.services.recordings import Recordings
from shared.services.seal_session import seal_session
from shared.services.stages import FETCHING, Stage

log = logging.getLogger(__name__)

CHUNK = "i0"
"""The recording is the session's first chunk and its last."""


async def ask_for_recording(session_id: str, queues: Queues) -> None:
    """Start the stage."""
    await queues.send(FETCH_QUEUE, {"session_id": session_id})


async def fetch_recording(
    session_id: str,
    *,
    ledger: Ledger,
    claims: Claims,
    requests: ProcessingRequests,
    recordings: Recordings,
    numbers: Numbers,
    blobs: BlobStore,
    web: Web,
    endings: Endings,
    clock: Clock,
    max_bytes: int,
) -> None:
    """Fetch, store, enter and seal. May be called any number of times.

    Raises: Transient errors, after which the call is to be repeated.
    """
    if await ledger.find(session_id) is None:
        log.info("session %s: erased, so there is nothing to fetch", session_id)
        return
    claim = await claims.take(session_id, FETCHING)
    if claim is None:
        log.info("session %s: its recording is here or being fetched", session_id)
        return
    async with (
        recording_failures(session_id, None, Stage.FETCH, ledger=ledger, endings=endings, clock=clock),
        claims.working(claim),
    ):
        session = await ledger.get(session_id)
        if session.manifest is None and not session.received:
            attempts = session.attempts + 1
            session = await ledger.advance(session_id, None, State.RECEIVING, attempts=attempts) or session
            fetching = _Fetching(session, requests, blobs, web, max_bytes)
            blob = await fetching.stored() or await fetching.fetch()
            session = await _enter(session, blob, ledger, numbers, clock)
        chunk = await ledger.chunk(session_id, CHUNK)
        assert chunk is not None
        await recordings.add(session, chunk)
        await seal_session(session, ledger=ledger, blobs=blobs, clock=clock)
        await claim.complete()


class _Fetching:
    """From wherever the recording is to a blob beside all others."""

    def __init__(
        self, session: Session, requests: ProcessingRequests, blobs: BlobStore, web: Web, max_bytes: int
    ) -> None:
        self._session = session
        self._requests = requests
        self._blobs = blobs
        self._web = web
        self._max_bytes = max_bytes
        self._name = folder(session) + session.session_id

    async def stored(self) -> BlobInfo | None:
        """What an earlier try has left."""
        return await anext(aiter(self._blobs.list(RECORDINGS_BLOBS, self._name + ".")), None)

    async def fetch(self) -> BlobInfo:
        """Raises: SourceRefused (`recording_unusable`), SourceUnavailable."""
        with tempfile.TemporaryFile(prefix="scribe-") as file:
            body = cast("BinaryIO", file)
            content_type = await self._into(body)
            kind, digest = await asyncio.to_thread(_look, file)
            body.seek(0)
            metadata = {"sha256": digest, "session": self._session.session_id, "chunk": CHUNK}
            try:
                await self._blobs.create(
                    RECORDINGS_BLOBS, f"{self._name}.{kind}", body, content_type=content_type, metadata=metadata
                )
            except AlreadyExists:
                log.info("session %s: another try has stored the recording", self._session.session_id)
        found = await self.stored()
        if found is None:
            raise NotFound(f"session {self._session.session_id} was erased")
        return found

    async def _into(self, body: BinaryIO) -> str:
        """Write the recording into a file; its content type."""
        if self._session.upload is not None:
            return await self._copy(self._session.upload, body)
        asked = await self._requests.read(self._session)
        if asked is None or asked.url is None:
            raise NotFound(
                f"session {self._session.session_id} has no address to fetch from", code="request_incomplete"
            )
        return (await self._web.download(asked.url, body, max_bytes=self._max_bytes)).content_type

    async def _copy(self, upload: str, body: BinaryIO) -> str:
        info = await self._blobs.info(PARTNER_UPLOADS, upload)
        if info is None:
            raise SourceRefused("nothing was uploaded to the address")
        if info.size > self._max_bytes:
            raise SourceRefused(f"a recording may have {self._max_bytes} bytes at most")
        async for piece in self._blobs.stream(PARTNER_UPLOADS, upload):
            await asyncio.to_thread(body.write, piece)
        return info.content_type


def _look(file: IO[bytes]) -> tuple[str, str]:
    """What kind of audio a file holds, and its SHA-256 (hex). Raises: SourceRefused (`recording_unusable`)."""
    file.seek(0)
    kind = container_of(file.read(HEAD_BYTES))
    if kind is None:
        raise SourceRefused("what the address holds is no audio that we know")
    file.seek(0)
    digest = hashlib.sha256()
    while piece := file.read(PIECE):
        digest.update(piece)
    return kind.value, digest.hexdigest()


async def _enter(session: Session, blob: BlobInfo, ledger: Ledger, numbers: Numbers, clock: Clock) -> Session:
    name = blob.name.rpartition("/")[2]
    chunk = StoredChunk(
        chunk_id=CHUNK,
        blob=blob.name,
        filename=name,
        given_name=name,
        sha256=blob.metadata["sha256"],
        size=blob.size,
        mark=ChunkMark(index=0, last=True),
        recording_id=await numbers.take("recordings"),
        received_at=clock.now(),
    )
    try:
        return await ledger.add(session.session_id, chunk, 1)
    except AlreadyExists:
        return await ledger.get(session.session_id)
