"""Accept one chunk of a session's audio: nothing that was accepted is ever lost.

    1 authorize, validate    nothing is stored for input we refuse
    2 blob                   create-only, under the folder of the session's first day
    3 ledger                 one batch: the chunk item and the session's count
    4 recording row          deterministic key
    5 seal, if complete      starts transcription

Every step may be repeated, so the client's answer to anything but a 200 is to send the same chunk again.
"""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO

from shared.audio.sniff import looks_like_audio
from shared.domain.access import note
from shared.domain.caller import Caller, require_acting_for
from shared.domain.errors import (
    AlreadyExists,
    ChunkConflict,
    Conflict,
    InvalidInput,
    NotFound,
    TooLarge,
    UnsupportedMedia,
)
from shared.domain.ids import check_id, chunk_id, safe_filename, trailing_number
from shared.domain.limits import Limits
from shared.domain.names import RECORDINGS_BLOBS
from shared.domain.session import ChunkMark, Session, State, StoredChunk
from shared.ports import BlobStore, Clock
from shared.services.free_name import write_under_free_name
from shared.services.ledger import Ledger
from shared.services.numbers import Numbers
from shared.services.recordings import Recordings
from shared.services.relationships import Relationships
from shared.services.seal_session import seal_session

PIECE = 1024 * 1024
HEAD = 4096


@dataclass(frozen=True)
class Upload:
    """What a client sends with a chunk. `body` is positioned at its start and can seek."""

    therapist_userid: str
    therapist_clientid: str
    session_id: str
    body: BinaryIO
    size: int
    is_last: bool
    filename: str | None = None
    content_type: str | None = None
    client_userid: str | None = None
    therapist_session_id: int | None = None
    index: int | None = None
    total: int | None = None
    sha256: str | None = None


@dataclass(frozen=True)
class Accepted:
    """The chunk as stored, and its session right after."""

    chunk: StoredChunk
    session: Session


async def accept_chunk(
    upload: Upload,
    caller: Caller,
    *,
    relationships: Relationships,
    ledger: Ledger,
    recordings: Recordings,
    numbers: Numbers,
    blobs: BlobStore,
    clock: Clock,
    limits: Limits,
) -> Accepted:
    """Store a chunk and seal its session when it was the last one missing.

    Raises: InvalidInput (with the code of the rule broken), TooLarge, UnsupportedMedia, ChunkConflict,
    Conflict (`session_conflict`), Forbidden, NotFound (`relationship_not_found`, `session_not_found`),
    StoreUnavailable.
    """
    require_acting_for(caller, therapist_userid=upload.therapist_userid, client_userid=None)
    digest = await asyncio.to_thread(_check, upload, limits)
    known = await ledger.find(upload.session_id)
    if known is not None:
        _require_own(known, upload)
    await relationships.admit(
        caller,
        upload.therapist_clientid,
        therapist_userid=upload.therapist_userid,
        client_userid=upload.client_userid,
    )
    session = known if known is not None and known.received else await _open(upload, ledger, clock)
    key = chunk_id(index=upload.index, filename=safe_filename(upload.filename), sha256=digest)
    if key in session.present:
        chunk = await _same_chunk(session, key, digest, ledger)
    else:
        draft = _draft(upload, session, key, digest, await numbers.take("recordings"), clock.now())
        stored = await _store_blob(draft, session, upload, blobs)
        chunk, session = await _enter(stored, session, upload.total, ledger, blobs)
    if session.state is not State.RECEIVING and session.received != session.sealed_chunks:
        await ledger.list_as_open(session.session_id)  # a late chunk; the sweeper may have done with the session
    await recordings.add(session, chunk)
    session = await seal_session(session, ledger=ledger, blobs=blobs, clock=clock)
    return Accepted(chunk, session)


def folder(session: Session) -> str:
    """Where a session's chunks lie, ending in a slash; one folder even across midnight."""
    return f"{session.therapist_userid}/{session.therapist_clientid}/{session.date}/"


def _check(upload: Upload, limits: Limits) -> str:
    """Every rule that needs no store; gives the SHA-256 (hex) of the bytes."""
    check_id(upload.therapist_userid, "therapist_userid")
    check_id(upload.therapist_clientid, "therapist_clientid")
    check_id(upload.session_id, "session_id")
    if upload.client_userid is not None:
        check_id(upload.client_userid, "client_userid")
    if upload.index is not None and upload.total is not None and upload.index >= upload.total:
        raise InvalidInput("chunk_index must be below total_chunks", code="invalid_chunk_index")
    if upload.size == 0:
        raise InvalidInput("the file is empty", code="empty_file")
    if upload.size > limits.max_chunk_bytes:
        raise TooLarge(f"a chunk may have {limits.max_chunk_bytes} bytes at most")
    if not looks_like_audio(upload.body.read(HEAD)):
        raise UnsupportedMedia("the file is not audio", code="not_audio")
    digest = _sha256(upload.body)
    if upload.sha256 is not None and upload.sha256.lower() != digest:
        raise InvalidInput("the bytes that arrived do not match sha256: send the chunk again", code="digest_mismatch")
    return digest


def _sha256(body: BinaryIO) -> str:
    body.seek(0)
    digest = hashlib.sha256()
    while piece := body.read(PIECE):
        digest.update(piece)
    body.seek(0)
    return digest.hexdigest()


async def _open(upload: Upload, ledger: Ledger, clock: Clock) -> Session:
    now = clock.now()
    session = await ledger.open(
        Session(
            session_id=upload.session_id,
            therapist_userid=upload.therapist_userid,
            therapist_clientid=upload.therapist_clientid,
            client_userid=upload.client_userid,
            therapist_session_id=upload.therapist_session_id,
            date=f"{now:%Y-%m-%d}",
            created=now,
            updated=now,
        )
    )
    _require_own(session, upload)
    note(session, allowed=True)  # once a session: its chunks have rows of their own
    return session


def _require_own(session: Session, upload: Upload) -> None:
    if session.therapist_userid != upload.therapist_userid:
        note(session, allowed=False)
        raise NotFound(f"no session {upload.session_id}: choose another session_id", code="session_not_found")
    if session.therapist_clientid != upload.therapist_clientid:
        raise Conflict(f"session {upload.session_id} belongs to another client", code="session_conflict")


async def _same_chunk(session: Session, key: str, digest: str, ledger: Ledger) -> StoredChunk:
    """The chunk that is in the ledger, if these are its bytes: then the upload is a retry."""
    chunk = await ledger.chunk(session.session_id, key)
    if chunk is None or chunk.sha256 != digest:
        raise ChunkConflict(f"session {session.session_id} has other audio as chunk {key.removeprefix('i')}")
    return chunk


def _draft(upload: Upload, session: Session, key: str, digest: str, recording_id: int, now: datetime) -> StoredChunk:
    """The chunk under the name its client gave; the name may turn out to be taken."""
    name = safe_filename(upload.filename)
    mark = ChunkMark(
        index=upload.index,
        number=trailing_number(name),
        last=upload.is_last,
        arrival=int((now - session.created).total_seconds() * 1000),
    )
    return StoredChunk(
        chunk_id=key,
        blob=folder(session) + name,
        filename=name,
        given_name=name,
        sha256=digest,
        size=upload.size,
        mark=mark,
        recording_id=recording_id,
        received_at=now,
    )


async def _store_blob(chunk: StoredChunk, session: Session, upload: Upload, blobs: BlobStore) -> StoredChunk:
    """Write the blob under a free name, or find the one an interrupted try of this same upload has written."""
    mine = {"sha256": chunk.sha256, "session": session.session_id, "chunk": chunk.chunk_id}
    blob = await write_under_free_name(
        blobs,
        RECORDINGS_BLOBS,
        folder(session),
        chunk.given_name,
        upload.body,
        content_type=upload.content_type or "application/octet-stream",
        metadata=mine,
    )
    return chunk.model_copy(update={"blob": blob, "filename": blob.rpartition("/")[2]})


async def _enter(
    chunk: StoredChunk, session: Session, total: int | None, ledger: Ledger, blobs: BlobStore
) -> tuple[StoredChunk, Session]:
    try:
        return chunk, await ledger.add(session.session_id, chunk, total)
    except AlreadyExists:
        try:
            first = await _same_chunk(session, chunk.chunk_id, chunk.sha256, ledger)
        except ChunkConflict:
            await blobs.delete(RECORDINGS_BLOBS, chunk.blob)
            raise
        if first.blob != chunk.blob:
            await blobs.delete(RECORDINGS_BLOBS, chunk.blob)
        return first, await ledger.get(session.session_id)
