"""Changing and deleting a record, by its wire id.

Whose a record is and what it was made from stand for good: moving one to another relationship would tear it from
its data key, its audio and its history. A request may repeat those fields; another value is a Conflict.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from shared.crypto.envelope import associated_data, is_envelope, key_id_of
from shared.crypto.keyring import Keyrings
from shared.domain.caller import Caller, require_write
from shared.domain.errors import Conflict, DecryptionFailed, InvalidInput, NotFound, PreconditionFailed
from shared.domain.ids import check_id
from shared.domain.names import RECORDS
from shared.domain.records import Record, WireId, wire_id
from shared.domain.times import iso
from shared.ports import Change, Clock, ItemStore
from shared.services.read_records import RecordReader, Versioned, unknown
from shared.services.relationships import Relationships

R = TypeVar("R", bound=Record)


@dataclass(frozen=True)
class Edit:
    """What a request says about a record. `fields` are the row's writable ones, texts plain or as envelopes.

    `fixed` are those that must be as they stand, by the row's name; None says nothing about one.
    """

    fields: Mapping[str, Any]
    fixed: Mapping[str, WireId] = field(default_factory=dict)


class RecordEditor:
    """Writes to records on behalf of a caller. `if_match` is an If-Match header (RFC 9110 §13.1.1)."""

    def __init__(
        self,
        *,
        items: ItemStore,
        reader: RecordReader,
        relationships: Relationships,
        keyrings: Keyrings,
        clock: Clock,
    ) -> None:
        self._items = items
        self._reader = reader
        self._relationships = relationships
        self._keyrings = keyrings
        self._clock = clock

    async def edit(
        self, caller: Caller, kind: type[R], number: int, edit: Edit, *, if_match: str | None = None
    ) -> Versioned[R]:
        """The record as it stands then.

        A client that was never named may be named once, as the relationship's. Raises: NotFound, Forbidden,
        PreconditionFailed, Conflict (`record_moved`), InvalidInput (`invalid_envelope`), TooLarge.
        """
        while True:
            found = await self._open(caller, kind, number, if_match)
            fields = {**edit.fields, **await self._new_client(caller, found.row, edit.fixed)}
            for name in kind.TEXTS & fields.keys():
                fields[name] = await self._sealed(found.row, name, fields[name])
            written = await self._write(found, fields, if_match)
            if written is not None:
                return written

    async def delete(self, caller: Caller, kind: type[R], number: int, *, if_match: str | None = None) -> None:
        """Mark as deleted: nothing shows the record any more. Raises: NotFound, Forbidden, PreconditionFailed."""
        gone = {"deleted": True, "deleted_at": iso(self._clock.now())}
        while await self._write(await self._open(caller, kind, number, if_match), gone, if_match) is None:
            continue

    async def _open(self, caller: Caller, kind: type[R], number: int, if_match: str | None) -> Versioned[R]:
        found = await self._reader.get(caller, kind, number)
        require_write(caller, found.row)
        if if_match is not None and not _matches(if_match, found.etag):
            raise _changed(kind, number)
        return found

    async def _write(self, found: Versioned[R], fields: Mapping[str, Any], if_match: str | None) -> Versioned[R] | None:
        """On the version that was read; None when that is no longer the newest and the caller did not care."""
        row, kind = found.row, type(found.row)
        changes = [Change("set", f"/{name}", value) for name, value in fields.items()]
        changes.append(Change("set", "/updated", iso(self._clock.now())))
        try:
            item = await self._items.patch(RECORDS, row.therapist_client_id, row.id, changes, etag=found.etag)
        except NotFound:
            raise unknown(kind, row.number) from None
        except PreconditionFailed:
            if if_match is None or if_match.strip() == "*":
                return None
            raise _changed(kind, row.number) from None
        return Versioned(kind.model_validate(item.body), item.etag)

    async def _new_client(self, caller: Caller, row: Record, fixed: Mapping[str, WireId]) -> dict[str, str]:
        """The client's user id, where it is given for the first time; all else that is fixed must be as it stands."""
        new: dict[str, str] = {}
        for name, given in fixed.items():
            stands: str | None = getattr(row, name)
            if given is None or given in {stands, wire_id(stands)}:
                continue
            if name != "client_userid" or stands is not None:
                raise _moved(row, name)
            new[name] = check_id(str(given), name)
            relationship = await self._relationships.reach(caller, row.therapist_client_id)
            if relationship.client_userid not in {None, new[name]}:
                raise _moved(row, name)
        return new

    async def _sealed(self, row: Record, name: str, text: str) -> str:
        """An envelope under the newest data key as it is, if it opens here; all else encrypted with that key.

        So nothing new comes to lie under an older key, which a client may hold for as long as it likes.
        """
        aad = associated_data(row.RESOURCE, row.number, name)
        if not is_envelope(text):
            return (await self._keyrings.of(row.therapist_client_id)).seal(text, aad=aad)
        try:
            opened = await self._keyrings.open(row.therapist_client_id, text, aad=aad)
        except DecryptionFailed:
            raise InvalidInput(
                f"{name} is an envelope that does not open as {aad} with the relationship's keys",
                code="invalid_envelope",
            ) from None
        keyring = await self._keyrings.of(row.therapist_client_id)
        return text if key_id_of(text) == keyring.newest.kid else keyring.seal(opened, aad=aad)


def _moved(row: Record, name: str) -> Conflict:
    return Conflict(f"{row.KIND} {row.number} stays where it is: {name} cannot change", code="record_moved")


def _matches(if_match: str, etag: str) -> bool:
    """Strong comparison: a weak tag never matches."""
    return if_match.strip() == "*" or etag in {tag.strip() for tag in if_match.split(",")}


def _changed(kind: type[Record], number: int) -> PreconditionFailed:
    return PreconditionFailed(f"{kind.KIND} {number} has changed: read it again")
