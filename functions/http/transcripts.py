"""Transcripts, as envelopes that only who holds the relationship's keys can open."""

from __future__ import annotations

from datetime import datetime

from fastapi import Response
from pydantic import BaseModel, Field

from functions.http.auth import App, CallerNow
from functions.http.edge import operation
from functions.http.fields import Text
from functions.http.idempotency import repeatable
from functions.http.problems import Problem
from functions.http.record_operations import Said, register
from functions.http.records import Moment, TherapistSession
from shared.domain.ids import ID_PATTERN
from shared.domain.records import StoredTranscript as Row

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


class TranscriptFields(BaseModel):
    """Texts plain, to be encrypted, or as envelopes for `transcripts/{id}/{field}`; `update_timestamp` is ours."""

    transcript: Text
    transcript_summary: Text
    date: Moment
    therapist_session_id: TherapistSession = None


class TranscriptChanges(BaseModel):
    """What is left out stays as it is."""

    transcript: Text = ""
    transcript_summary: Text = ""
    date: Moment = datetime.min  # noqa: DTZ901 (never used: only what was given is)
    therapist_session_id: TherapistSession = None


@operation(
    "POST",
    "transcripts/query",
    summary="Transcripts of a client, newest first",
    response_model=list[Transcript],
    responses={**NOT_FOUND, **NONE},
)
@repeatable
async def query_transcripts(app: App, caller: CallerNow, query: ClientQuery) -> Response | list[Transcript]:
    """A transcript whose client was never named belongs to its relationship."""
    found = await app.reader.of_client(caller, Row, query.therapist_clientid, query.userid)
    return [_transcript(row) for row in found] or Response(status_code=204)


def _transcript(row: Row) -> Transcript:
    return Transcript(
        id=row.number,
        transcript=row.transcript,
        transcript_summary=row.transcript_summary,
        date=datetime.fromisoformat(row.date),
        update_timestamp=datetime.fromisoformat(row.updated),
        therapist_session_id=row.therapist_session_id,
    )


register(
    Row,
    _transcript,
    wire=Transcript,
    fields=TranscriptFields,
    changes=TranscriptChanges,
    fixed={},
    says={
        "list": Said(
            "Transcripts, newest first",
            "Of a session, of a relationship, or of all your own, relationship by relationship.",
        ),
        "get": Said("A transcript", "Its texts open with the relationship's keys."),
        "replace": Said("Replace a transcript's texts", "Captions stay as they were heard."),
        "change": Said("Change a transcript", "What is left out stays as it is."),
        "delete": Said(
            "Delete a transcript",
            "Nothing shows it any more, and its session is not transcribed again unless more audio comes.",
        ),
    },
)
