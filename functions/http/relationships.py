"""Who treats whom, and the end of it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import Path
from pydantic import BaseModel, Field

from functions.http.auth import App, CallerNow
from functions.http.edge import operation
from functions.http.problems import Problem
from functions.http.transcripts import NOT_FOUND
from shared.domain.caller import Role, require_role
from shared.domain.ids import ID_PATTERN, check_id
from shared.domain.relationship import Relationship as Row

RelationshipId = Annotated[str, Path(pattern=ID_PATTERN)]
FOR_SERVICES = {403: {"model": Problem, "description": "For services and admins only"}}


class People(BaseModel):
    """A therapist and, where they are known by then, their client."""

    therapist_userid: str = Field(pattern=ID_PATTERN)
    client_userid: str | None = Field(default=None, pattern=ID_PATTERN)


class Relationship(People):
    """A therapist-client pair."""

    therapist_clientid: str


class Receipt(BaseModel):
    """Proof of an erasure: numbers of what is gone, ids of the data keys that were shredded and of documents."""

    relationship: str
    erased_at: datetime
    counts: dict[str, int] = Field(
        examples=[{"sessions": 12, "records": 260, "blobs": 284, "documents": 3, "data_keys": 1}]
    )
    key_ids: list[str]
    documents: list[str]


@operation(
    "PUT",
    "relationships/{therapist_clientid}",
    summary="Make a relationship, or name its client",
    responses={
        **FOR_SERVICES,
        **NOT_FOUND,
        409: {"model": Problem, "description": "It has another therapist, or was erased"},
    },
)
async def put_relationship(
    app: App, caller: CallerNow, therapist_clientid: RelationshipId, people: People
) -> Relationship:
    """Without a client it has none. What was recorded before stays with the client it was recorded with."""
    require_role(caller, Role.SERVICE, Role.ADMIN)
    check_id(therapist_clientid, "therapist_clientid")
    await app.relationships.require_partner(caller, therapist_clientid)
    made = await app.relationships.provision(
        therapist_clientid, therapist_userid=people.therapist_userid, client_userid=people.client_userid
    )
    return _relationship(made)


@operation("GET", "relationships/{therapist_clientid}", summary="A relationship", responses=NOT_FOUND)
async def get_relationship(app: App, caller: CallerNow, therapist_clientid: RelationshipId) -> Relationship:
    """For its people, for services and for admins."""
    return _relationship(await app.relationships.reach(caller, therapist_clientid))


@operation(
    "DELETE",
    "relationships/{therapist_clientid}",
    summary="Erase a relationship and all that was recorded",
    responses={**FOR_SERVICES, **NOT_FOUND},
)
async def erase_relationship(app: App, caller: CallerNow, therapist_clientid: RelationshipId) -> Receipt:
    """Shreds its data keys, deletes its audio, transcripts, notes and ledgers; cannot be undone.

    The documents its client uploaded go too, unless the client is in another relationship: then with the last one.
    It goes on by itself if the answer is a 503; asked again, it answers with the same receipt.
    """
    require_role(caller, Role.SERVICE, Role.ADMIN)
    await app.relationships.require_partner(caller, therapist_clientid)
    receipt = await app.eraser.erase(therapist_clientid)
    return Receipt.model_validate(receipt.model_dump())


def _relationship(row: Row) -> Relationship:
    return Relationship(
        therapist_clientid=row.id, therapist_userid=row.therapist_userid, client_userid=row.client_userid
    )
