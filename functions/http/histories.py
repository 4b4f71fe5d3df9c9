"""Histories: the clinical notes of a client's sessions, as envelopes."""

from __future__ import annotations

from datetime import datetime

from fastapi import Response
from pydantic import BaseModel

from functions.http.auth import App, CallerNow
from functions.http.edge import operation
from functions.http.transcripts import NONE, NOT_FOUND, ClientQuery
from shared.domain.records import WireId, wire_id


class History(BaseModel):
    """`transcript_summary` is an envelope, Base64."""

    id: int
    transcript_summary: str
    client_user_id: WireId
    therapist_user_id: WireId
    therapist_client_id: WireId
    date: datetime
    therapist_session_id: int | None


@operation(
    "POST",
    "histories/query",
    summary="Histories of a client, newest first",
    response_model=list[History],
    responses={**NOT_FOUND, **NONE},
)
async def query_histories(app: App, caller: CallerNow, query: ClientQuery) -> Response | list[History]:
    """A history whose client was never named belongs to its relationship."""
    await app.relationships.reach(caller, query.therapist_clientid)
    found = await app.records.histories_of(query.therapist_clientid, query.userid)
    if not found:
        return Response(status_code=204)
    return [
        History(
            id=row.number,
            transcript_summary=row.transcript_summary,
            client_user_id=wire_id(row.client_userid),
            therapist_user_id=wire_id(row.therapist_userid),
            therapist_client_id=wire_id(row.therapist_client_id),
            date=datetime.fromisoformat(row.date),
            therapist_session_id=row.therapist_session_id,
        )
        for row in found
    ]
