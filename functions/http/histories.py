"""Histories: the clinical notes of a client's sessions, as envelopes."""

from __future__ import annotations

from datetime import datetime

from fastapi import Response
from pydantic import BaseModel

from functions.http.auth import App, CallerNow
from functions.http.edge import operation
from functions.http.fields import Text
from functions.http.idempotency import repeatable
from functions.http.records import (
    EDITS,
    PAGED,
    TAGGED,
    WRITES,
    Filtered,
    GivenId,
    IfMatch,
    Moment,
    RecordNumber,
    TherapistSession,
    edit_of,
    page,
    tagged,
)
from functions.http.records import NOT_FOUND as NO_RECORD
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


@operation("GET", "histories", summary="Histories, newest first", responses=PAGED)
async def list_histories(app: App, caller: CallerNow, wanted: Filtered, response: Response) -> list[History]:
    """Of a session, of a relationship, or of all your own, relationship by relationship."""
    return [_history(row) for row in await page(app, caller, Row, wanted, response)]


@operation("GET", "histories/{id}", summary="A history", responses={**NO_RECORD, **TAGGED})
async def get_history(app: App, caller: CallerNow, number: RecordNumber, response: Response) -> History:
    """Its text opens with the relationship's keys."""
    return _history(tagged(await app.reader.get(caller, Row, number), response))


@operation("PUT", "histories/{id}", summary="Replace a history", responses={**EDITS, **TAGGED})
async def replace_history(
    app: App,
    caller: CallerNow,
    number: RecordNumber,
    body: HistoryFields,
    response: Response,
    if_match: IfMatch = None,
) -> History:
    """The structured note with its evidence stays as it was written."""
    edit = edit_of(body, fixed=FIXED, partial=False)
    return _history(tagged(await app.editor.edit(caller, Row, number, edit, if_match=if_match), response))


@operation("PATCH", "histories/{id}", summary="Change a history", responses={**EDITS, **TAGGED})
async def change_history(
    app: App,
    caller: CallerNow,
    number: RecordNumber,
    body: HistoryChanges,
    response: Response,
    if_match: IfMatch = None,
) -> History:
    """What is left out stays as it is."""
    edit = edit_of(body, fixed=FIXED, partial=True)
    return _history(tagged(await app.editor.edit(caller, Row, number, edit, if_match=if_match), response))


@operation("DELETE", "histories/{id}", summary="Delete a history", status_code=204, responses=WRITES)
async def delete_history(app: App, caller: CallerNow, number: RecordNumber, if_match: IfMatch = None) -> None:
    """Nothing shows it any more."""
    await app.editor.delete(caller, Row, number, if_match=if_match)


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
