"""Uploading a session's audio, chunk by chunk."""

from __future__ import annotations

from typing import Annotated

from fastapi import File, Form, UploadFile
from pydantic import BaseModel, BeforeValidator, Field

from functions.http.auth import App, CallerNow
from functions.http.edge import operation
from functions.http.problems import Problem
from shared.domain.ids import ID_PATTERN
from shared.domain.session import State, order_chunks
from shared.services.accept_chunk import Upload, accept_chunk


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
async def upload_recording(
    app: App,
    caller: CallerNow,
    therapist_userid: Id,
    therapist_clientid: Id,
    session_id: Id,
    is_last_blob: Annotated[WireBool, Form()],
    file: Annotated[UploadFile, File()],
    client_userid: Annotated[str | None, Form(pattern=ID_PATTERN)] = None,
    therapist_session_id: Annotated[int | None, Form(ge=0, le=2**53)] = None,
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
        records=app.records,
        numbers=app.numbers,
        blobs=app.blobs,
        clock=app.clock,
        limits=app.limits,
    )
    chunk, session = accepted.chunk, accepted.session
    return ChunkAccepted(
        message=f"File uploaded successfully as {chunk.blob}!",
        id=chunk.recording_id,
        file_url=chunk.blob,
        session_id=session.session_id,
        chunk_index=chunk.mark.index,
        state=session.state,
        received=session.received,
        missing=list(order_chunks(session.present, session.total).missing),
    )
