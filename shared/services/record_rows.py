"""What the rows of the records container have in common when they are written."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from shared.crypto.envelope import associated_data
from shared.domain.names import DIRECTORY
from shared.domain.records import Record, pointer_id
from shared.domain.session import Session
from shared.domain.times import iso
from shared.ports import Create, Item, ItemStore, Replace, Step


def row_id(kind: str, session: Session) -> str:
    """Of the one row of a kind that a session has: the same in every try."""
    return f"{kind}:{session.session_id}"


def fields_of(session: Session, kind: str, number: int, old: Item | None, now: datetime) -> dict[str, Any]:
    """Fields of a row made from the whole session, in place of its older version where there is one."""
    return {
        "id": row_id(kind, session),
        "therapist_client_id": session.therapist_clientid,
        "number": number,
        "session_id": session.session_id,
        "therapist_userid": session.therapist_userid,
        "client_userid": session.client_userid,
        "therapist_session_id": session.therapist_session_id,
        "partner": session.partner,
        "created": old.body["created"] if old else iso(now),
        "updated": iso(now),
        "date": iso(session.created),
        "version": old.body["version"] + 1 if old else 1,
    }


def aad_of(kind: type[Record], number: int, field: str) -> str:
    """The associated data a text of a row is encrypted with."""
    return associated_data(kind.RESOURCE, number, field)


async def point_at(row: Record, items: ItemStore) -> None:
    """Lead from the wire id to the row. A pointer to a row that never came leads nowhere, which is a 404."""
    body = {
        "id": pointer_id(row.kind, row.number),
        "kind": "pointer",
        "partition": row.therapist_client_id,
        "item": row.id,
    }
    await items.upsert(DIRECTORY, str(body["id"]), body)


def replacing(row: Record, old: Item | None) -> list[Step]:
    """Steps that put a row in place of its older version and keep that under a name of its own."""
    body = row.model_dump(mode="json")
    if old is None:
        return [Create(body)]
    kept = {key: value for key, value in old.body.items() if not key.startswith("_")}
    kept |= {"id": f"{row.id}:v{old.body['version']}", "kind": version_of(row.kind)}
    return [Create(kept), Replace(body, etag=old.etag)]


def version_of(kind: str) -> str:
    """The kind of rows that a newer one has replaced."""
    return f"{kind}_version"
