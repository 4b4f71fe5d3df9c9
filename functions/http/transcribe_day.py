"""Transcribing what was recorded on one day."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated

from fastapi import Query, Response
from pydantic import BaseModel, Field

from functions.http.auth import App, CallerNow
from functions.http.edge import operation
from functions.http.idempotency import repeatable
from functions.http.problems import Problem
from shared.domain.ids import ID_PATTERN
from shared.services import transcribe_day as use_case

DEFAULT_WAIT = 60
MAX_WAIT = 200
"""Seconds. Azure ends every request after 230."""
RETRY_AFTER = "10"

Seconds = Annotated[int, Field(ge=0, le=MAX_WAIT)]


class DayQuery(BaseModel):
    """A folder of a day: `userid` is the therapist's user id. `wait` is in seconds."""

    userid: str = Field(pattern=ID_PATTERN)
    therapist_clientid: str = Field(pattern=ID_PATTERN)
    date: date
    wait: Seconds = DEFAULT_WAIT


class FailedSession(BaseModel):
    """A session without a transcript; `POST /sessions/{session_id}/retry` starts it again."""

    session_id: str
    code: str


class DayTranscripts(BaseModel):
    """One string for each session, oldest first, plain text. `pending` and `failed` are there when not empty."""

    transcripts: list[str] = Field(
        examples=[["Speaker 1: Good morning. Speaker 2: How are you feeling today?"]],
    )
    pending: list[str] | None = None
    failed: list[FailedSession] | None = None


@operation(
    "POST",
    "recordings/transcribe",
    summary="Transcripts of a day's sessions, as plain text",
    response_model_exclude_none=True,
    responses={
        202: {
            "model": DayTranscripts,
            "description": "Some are still pending: ask again",
            "headers": {"Retry-After": {"description": "Seconds", "schema": {"type": "string"}}},
        },
        403: {"model": Problem, "description": "Yours to read, not to transcribe"},
        404: {"model": Problem, "description": "No such relationship, or not yours, or no audio on that day"},
    },
)
@repeatable
async def transcribe_day(
    app: App,
    caller: CallerNow,
    query: DayQuery,
    response: Response,
    wait: Annotated[Seconds | None, Query(description="Seconds; goes before the one in the body")] = None,
) -> DayTranscripts:
    """Sessions that are transcribed already are not transcribed again; silent ones have no string.

    A session that still receives is sealed with what is here; chunks that come later are added all the same.
    """
    day = await use_case.transcribe_day(
        caller,
        therapist_userid=query.userid,
        relationship_id=query.therapist_clientid,
        day=query.date,
        wait=timedelta(seconds=query.wait if wait is None else wait),
        relationships=app.relationships,
        reader=app.reader,
        ledger=app.ledger,
        transcripts=app.transcripts,
        blobs=app.blobs,
        clock=app.clock,
    )
    response.headers["Cache-Control"] = "no-store"
    if day.pending:
        response.status_code = 202
        response.headers["Retry-After"] = RETRY_AFTER
    failed = [FailedSession(session_id=key, code=failure.code) for key, failure in day.failed.items()]
    return DayTranscripts(transcripts=day.texts, pending=day.pending or None, failed=failed or None)
