"""What the operations on recordings, transcripts and histories have in common."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from fastapi import Header, Path, Query, Response
from pydantic import AfterValidator, BaseModel, Field, PlainSerializer, StrictInt, StrictStr

from functions.http.auth import App
from functions.http.fields import NEXT_PAGE
from functions.http.problems import Problem
from shared.domain.caller import Caller
from shared.domain.ids import ID_PATTERN
from shared.domain.records import Record
from shared.domain.times import iso
from shared.services.edit_record import Edit
from shared.services.read_records import Versioned

R = TypeVar("R", bound=Record)

MAX_NUMBER = 2**53


def _utc(moment: datetime) -> datetime:
    """A time without a zone is taken as UTC."""
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("must be a time that exists in UTC") from None


Moment = Annotated[datetime, AfterValidator(_utc), PlainSerializer(iso)]
RecordNumber = Annotated[int, Path(alias="id", ge=0, le=MAX_NUMBER)]
"""The path says `{id}` without a constraint, so that what is no number is answered by us: the literals beside it are
all POST, which no operation on a single record is, and the host tells routes apart by method too."""
TherapistSession = Annotated[int | None, Field(ge=0, le=MAX_NUMBER)]
GivenId = Annotated[StrictInt | Annotated[StrictStr, Field(max_length=255)] | None, Field()]
"""Whose a record is. It cannot be changed here; what is given must be what stands."""
IfMatch = Annotated[str | None, Header(description="ETag that the record must still have")]

NOT_FOUND = {404: {"model": Problem, "description": "No such record, or not yours"}}
WRITES = {
    **NOT_FOUND,
    403: {"model": Problem, "description": "Yours to read, not to change"},
    412: {"model": Problem, "description": "The record has changed since you read it (If-Match)"},
}
EDITS = {
    **WRITES,
    409: {"model": Problem, "description": "The record would move to other people or another session"},
    413: {"model": Problem, "description": "The text is too large"},
}
_TAG = {"description": "Version of the record, for If-Match", "schema": {"type": "string"}}
TAGGED = {200: {"headers": {"ETag": _TAG}}}
PAGED = {**NOT_FOUND, 200: NEXT_PAGE}


class ListFilter(BaseModel):
    """Of a relationship, of a session, or, with neither, of all relationships that are the caller's own."""

    session_id: str | None = Field(default=None, pattern=ID_PATTERN)
    therapist_clientid: str | None = Field(default=None, pattern=ID_PATTERN)
    limit: int = Field(default=100, ge=1, le=200)
    continuation: str | None = Field(default=None, max_length=4096)


Filtered = Annotated[ListFilter, Query()]


async def page(app: App, caller: Caller, kind: type[R], wanted: ListFilter, response: Response) -> list[R]:
    """One page of rows; where the next one starts goes into a header."""
    listed = await app.reader.page(
        caller,
        kind,
        relationship=wanted.therapist_clientid,
        session_id=wanted.session_id,
        limit=wanted.limit,
        continuation=wanted.continuation,
    )
    if listed.continuation is not None:
        response.headers["x-continuation"] = listed.continuation
    return listed.rows


def tagged(found: Versioned[R], response: Response) -> R:
    """The row; its version goes into a header."""
    response.headers["ETag"] = found.etag
    return found.row


def edit_of(body: BaseModel, *, fixed: Mapping[str, str], partial: bool) -> Edit:
    """What a body changes, all its fields or those that were given, and what it says about whose the record is.

    `fixed` maps the wire's names of those to the row's.
    """
    fields: dict[str, Any] = body.model_dump(exclude=set(fixed), exclude_unset=partial)
    return Edit(fields, {name: getattr(body, wire) for wire, name in fixed.items()})
