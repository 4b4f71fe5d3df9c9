"""Hearing and reading a session again: its audio, its captions, and what its speakers are called."""

from __future__ import annotations

from typing import Annotated

from fastapi import Body, Request
from pydantic import StringConstraints
from starlette.responses import PlainTextResponse, Response

from functions.http.auth import App, CallerNow
from functions.http.edge import operation
from functions.http.fields import Text
from functions.http.problems import Problem
from functions.http.sessions import NOT_A_CLIENTS, NOT_FOUND, SessionId, reach, reach_to_change
from functions.http.streaming import STREAMED, stream_blob
from shared.domain.caller import Caller
from shared.domain.errors import NotFound
from shared.domain.names import AUDIO_BLOBS
from shared.domain.transcript import Transcript, to_srt, to_vtt
from shared.services.name_speakers import name_speakers
from shared.services.session_audio import audio_blob

PRIVATE = {"Cache-Control": "no-store"}
SpeakerName = Annotated[Text, StringConstraints(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f<>:]+$")]


@operation(
    "GET",
    "sessions/{session_id}/audio",
    summary="The session's audio, stitched",
    response_class=Response,
    responses={**NOT_FOUND, **STREAMED},
)
async def get_session_audio(app: App, caller: CallerNow, session_id: SessionId, request: Request) -> Response:
    """16 kHz mono FLAC, in part if a Range is asked for; silence stands where audio is missing."""
    session = await reach(app, caller, session_id)
    blob = audio_blob(session_id, session.manifest) if session.manifest else ""
    info = await app.blobs.info(AUDIO_BLOBS, blob) if blob else None
    if info is None:
        raise NotFound(f"session {session_id} has no stitched audio yet", code="audio_not_found")
    return stream_blob(request, app.blobs, AUDIO_BLOBS, info, f"{session_id}.flac")


@operation(
    "GET",
    "sessions/{session_id}/captions.vtt",
    summary="Captions as WebVTT",
    response_class=PlainTextResponse,
    responses=NOT_FOUND,
)
async def get_captions_vtt(app: App, caller: CallerNow, session_id: SessionId) -> Response:
    """One cue for each segment, with the speaker as voice."""
    return PlainTextResponse(to_vtt(await _words(app, caller, session_id)), media_type="text/vtt", headers=PRIVATE)


@operation(
    "GET",
    "sessions/{session_id}/captions.srt",
    summary="Captions as SubRip",
    response_class=PlainTextResponse,
    responses=NOT_FOUND,
)
async def get_captions_srt(app: App, caller: CallerNow, session_id: SessionId) -> Response:
    """One cue for each segment, the speaker before the text."""
    words = await _words(app, caller, session_id)
    return PlainTextResponse(to_srt(words), media_type="application/x-subrip", headers=PRIVATE)


async def _words(app: App, caller: Caller, session_id: str) -> Transcript:
    stored = await app.transcripts.of(await reach(app, caller, session_id))
    if stored is None or stored.deleted:
        raise NotFound(f"session {session_id} has no transcript", code="transcript_not_found")
    return await app.transcripts.words(stored)


@operation(
    "PUT",
    "sessions/{session_id}/speakers",
    summary="Say what the speakers are called",
    status_code=204,
    responses={**NOT_FOUND, **NOT_A_CLIENTS, 400: {"model": Problem, "description": "Not a speaker of this session"}},
)
async def put_session_speakers(
    app: App,
    caller: CallerNow,
    session_id: SessionId,
    names: Annotated[dict[str, SpeakerName], Body(examples=[{"Speaker 1": "Therapist", "Speaker 2": "Client"}])],
) -> None:
    """Names or roles by label, for transcript and captions; a label alone undoes a name.

    The note is written anew with them, and the one before stays as a version.
    """
    session = await reach_to_change(app, caller, session_id)
    await name_speakers(
        session, names, caller, ledger=app.ledger, transcripts=app.transcripts, editor=app.editor, queues=app.queues
    )
