"""Histories: the clinical notes of a client's sessions, as envelopes."""

from __future__ import annotations

from datetime import datetime

from fastapi import Response
from pydantic import BaseModel

from functions.http.auth import App, CallerNow
from functions.http.edge import operation
from functions.http.fields import Text
from functions.http.idempotency import repeatable
from functions.http.record_operations import Said, register
from functions.http.records import GivenId, Moment, TherapistSession
from functions.http.transcripts import NONE, NOT_FOUND, ClientQuery
from shared.domain.records import StoredHistory as Row
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


class HistoryFields(BaseModel):
    """The summary plain, to be encrypted, or as an envelope for `histories/{id}/transcript_summary`.

    Ids must be those that stand; a client that was never named may be named.
    """

    transcript_summary: Text
    client_user_id: GivenId = None
    therapist_user_id: GivenId = None
    therapist_client_id: GivenId = None
    date: Moment
    therapist_session_id: TherapistSession = None


class HistoryChanges(HistoryFields):
    """What is left out stays as it is."""

    transcript_summary: Text = ""
    date: Moment = datetime.min  # noqa: DTZ901 (never used: only what was given is)


FIXED = {
    "client_user_id": "client_userid",
    "therapist_user_id": "therapist_userid",
    "therapist_client_id": "therapist_client_id",
}


@operation(
    "POST",
    "histories/query",
    summary="Histories of a client, newest first",
    response_model=list[History],
    responses={**NOT_FOUND, **NONE},
)
@repeatable
async def query_histories(app: App, caller: CallerNow, query: ClientQuery) -> Response | list[History]:
    """A history whose client was never named belongs to its relationship."""
    found = await app.reader.of_client(caller, Row, query.therapist_clientid, query.userid)
    return [_history(row) for row in found] or Response(status_code=204)


def _history(row: Row) -> History:
    return History(
        id=row.number,
        transcript_summary=row.transcript_summary,
        client_user_id=wire_id(row.client_userid),
        therapist_user_id=wire_id(row.therapist_userid),
        therapist_client_id=wire_id(row.therapist_client_id),
        date=datetime.fromisoformat(row.date),
        therapist_session_id=row.therapist_session_id,
    )


register(
    Row,
    _history,
    wire=History,
    fields=HistoryFields,
    changes=HistoryChanges,
    fixed=FIXED,
    says={
        "list": Said(
            "Histories, newest first",
            "Of a session, of a relationship, or of all your own, relationship by relationship.",
        ),
        "get": Said("A history", "Its text opens with the relationship's keys."),
        "replace": Said("Replace a history", "The structured note with its evidence stays as it was written."),
        "change": Said("Change a history", "What is left out stays as it is."),
        "delete": Said("Delete a history", "Nothing shows it any more."),
    },
)
