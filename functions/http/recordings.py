"""Uploading a session's audio, chunk by chunk, and the records of its chunks."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import File, Form, UploadFile
from pydantic import BaseModel, BeforeValidator, Field

from functions.http.auth import App, CallerNow
from functions.http.edge import operation
from functions.http.fields import Text
from functions.http.idempotency import repeatable
from functions.http.problems import Problem
from functions.http.record_operations import Said, register
from functions.http.records import MAX_NUMBER, GivenId, TherapistSession
from shared.domain.ids import ID_PATTERN
from shared.domain.records import Recording as Row
from shared.domain.records import WireId, wire_id
from shared.domain.session import State, order_of
from shared.services.accept_chunk import Accepted, Upload, accept_chunk


def _flag(given: str) -> bool:
    """`True` or `False`, in any case: what the mobile apps send."""
    if isinstance(given, str) and given.lower() in {"true", "false"}:
        return given.lower() == "true"
    raise ValueError("must be True or False")


WireBool = Annotated[bool, BeforeValidator(_flag, json_schema_input_type=str)]
Id = Annotated[str, Form(pattern=ID_PATTERN)]


class ChunkAccepted(BaseModel):
    """The chunk is safe. `missing` names the positions the session still waits for."""

    message: str = Field(examples=["File uploaded successfully as therapist1/client2/2026-02-23/session_audio.wav!"])
    id: int
    file_url: str
    session_id: str
    chunk_index: int | None
    state: State
    received: int
    missing: list[int]


class Recording(BaseModel):
    """The record of one chunk. `is_processed` says that the session's transcript stands."""

    id: int
    filename: str | None
    userid: WireId
    is_processed: bool | None
    therapist_client_id: WireId
    create_timestamp: datetime
    update_timestamp: datetime
    session_id: str | None
    is_last_blob: bool | None
    therapist_session_id: int | None


class RecordingFields(BaseModel):
    """What a recording's record says; ids and session must be those that stand, timestamps are ours."""

    filename: Text | None = Field(default=None, max_length=512, pattern=r"^[^\x00-\x1f\x7f]*$")
    userid: GivenId = None
    is_processed: bool | None = None
    therapist_client_id: GivenId = None
    session_id: str | None = Field(default=None, max_length=255)
    is_last_blob: bool | None = None
    therapist_session_id: TherapistSession = None


FIXED = {"userid": "therapist_userid", "therapist_client_id": "therapist_client_id", "session_id": "session_id"}


@operation(
    "POST",
    "recordings",
    summary="Upload a chunk of a session's audio",
    responses={
        403: {"model": Problem, "description": "In another therapist's name"},
        404: {"model": Problem, "description": "No such relationship, or not yours"},
        409: {"model": Problem, "description": "The session has other audio under this index"},
        413: {"model": Problem, "description": "The file is too large"},
        415: {"model": Problem, "description": "The file is not audio"},
    },
)
@repeatable
async def upload_recording(
    app: App,
    caller: CallerNow,
    therapist_userid: Id,
    therapist_clientid: Id,
    session_id: Id,
    is_last_blob: Annotated[WireBool, Form()],
    file: Annotated[UploadFile, File()],
    client_userid: Annotated[str | None, Form(pattern=ID_PATTERN)] = None,
    therapist_session_id: Annotated[int | None, Form(ge=0, le=MAX_NUMBER)] = None,
    chunk_index: Annotated[int | None, Form(ge=0, le=99_999)] = None,
    total_chunks: Annotated[int | None, Form(ge=1, le=100_000)] = None,
    sha256: Annotated[str | None, Form(pattern=r"^[0-9a-fA-F]{64}$")] = None,
) -> ChunkAccepted:
    """Send the same chunk again after any answer but a 200: a retry is answered as the first time."""
    upload = Upload(
        therapist_userid=therapist_userid,
        therapist_clientid=therapist_clientid,
        session_id=session_id,
        body=file.file,
        size=file.size or 0,
        is_last=is_last_blob,
        filename=file.filename,
        content_type=file.content_type,
        client_userid=client_userid,
        therapist_session_id=therapist_session_id,
        index=chunk_index,
        total=total_chunks,
        sha256=sha256,
    )
    accepted = await accept_chunk(
        upload,
        caller,
        relationships=app.relationships,
        ledger=app.ledger,
        recordings=app.recordings,
        numbers=app.numbers,
        blobs=app.blobs,
        clock=app.clock,
        limits=app.limits,
    )
    return _accepted(accepted)


def _accepted(accepted: Accepted) -> ChunkAccepted:
    chunk, session = accepted.chunk, accepted.session
    return ChunkAccepted(
        message=f"File uploaded successfully as {chunk.blob}!",
        id=chunk.recording_id,
        file_url=chunk.blob,
        session_id=session.session_id,
        chunk_index=chunk.mark.index,
        state=session.state,
        received=session.received,
        missing=list(order_of(session).missing),
    )


def _recording(row: Row) -> Recording:
    return Recording(
        id=row.number,
        filename=row.filename,
        userid=wire_id(row.therapist_userid),
        is_processed=row.is_processed,
        therapist_client_id=wire_id(row.therapist_client_id),
        create_timestamp=datetime.fromisoformat(row.created),
        update_timestamp=datetime.fromisoformat(row.updated),
        session_id=row.session_id,
        is_last_blob=row.is_last_blob,
        therapist_session_id=row.therapist_session_id,
    )


register(
    Row,
    _recording,
    wire=Recording,
    fields=RecordingFields,
    changes=RecordingFields,
    fixed=FIXED,
    says={
        "list": Said(
            "Records of chunks, newest first",
            "Of a session, of a relationship, or of all your own, relationship by relationship.",
        ),
        "get": Said(
            "The record of a chunk", "Whether its session's transcript stands, and what the client said of it."
        ),
        "replace": Said(
            "Replace the record of a chunk",
            "What is left out becomes null, except for whose it is; the audio stays as it is.",
        ),
        "change": Said("Change the record of a chunk", "What is left out stays as it is."),
        "delete": Said(
            "Delete the record of a chunk",
            "No list shows it any more. The session, its audio and its transcript stay.",
        ),
    },
)
