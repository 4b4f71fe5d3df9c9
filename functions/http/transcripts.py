"""Transcripts, as envelopes that only who holds the relationship's keys can open."""

from __future__ import annotations

from datetime import datetime

from fastapi import Response
from pydantic import BaseModel, Field

from functions.http.auth import App, CallerNow
from functions.http.edge import operation
from functions.http.problems import Problem
from shared.domain.ids import ID_PATTERN

NOT_FOUND = {404: {"model": Problem, "description": "No such relationship, or not yours"}}
NONE = {204: {"description": "There are none"}}


class ClientQuery(BaseModel):
    """A client of a therapist: `userid` is the client's user id."""

    userid: str = Field(pattern=ID_PATTERN)
    therapist_clientid: str = Field(pattern=ID_PATTERN)


class Transcript(BaseModel):
    """Both texts are envelopes, Base64."""

    id: int
    transcript: str
    transcript_summary: str
    date: datetime
    update_timestamp: datetime | None
    therapist_session_id: int | None


@operation(
    "POST",
    "transcripts/query",
    summary="Transcripts of a client, newest first",
    response_model=list[Transcript],
    responses={**NOT_FOUND, **NONE},
)
async def query_transcripts(app: App, caller: CallerNow, query: ClientQuery) -> Response | list[Transcript]:
    """A transcript whose client was never named belongs to its relationship."""
    await app.relationships.reach(caller, query.therapist_clientid)
    found = await app.records.transcripts_of(query.therapist_clientid, query.userid)
    if not found:
        return Response(status_code=204)
    return [
        Transcript(
            id=row.number,
            transcript=row.transcript,
            transcript_summary=row.transcript_summary,
            date=datetime.fromisoformat(row.date),
            update_timestamp=datetime.fromisoformat(row.updated),
            therapist_session_id=row.therapist_session_id,
        )
        for row in found
    ]
