"""Who treats whom: the therapist-client pairs that everything patient-related hangs on."""

from __future__ import annotations

from shared.domain.caller import Caller, may_provision, may_reach
from shared.domain.errors import AlreadyExists, NotFound
from shared.domain.model import Model
from shared.domain.names import DIRECTORY
from shared.domain.times import iso
from shared.ports import Change, Clock, ItemStore


class Relationship(Model):
    """A therapist-client pair. `id` is the wire's `therapist_clientid`."""

    id: str
    therapist_userid: str
    client_userid: str | None = None


class Relationships:
    """The directory's relationships, and the rule of who reaches them."""

    def __init__(self, items: ItemStore, clock: Clock, *, provision_on_upload: bool) -> None:
        self._items = items
        self._clock = clock
        self._provision_on_upload = provision_on_upload

    async def reach(self, caller: Caller, relationship_id: str) -> Relationship:
        """The relationship, if it is the caller's. Raises: NotFound, also when it is somebody else's."""
        found = await self._find(relationship_id)
        if found is None or not may_reach(caller, found):
            raise _unknown(relationship_id)
        return found

    async def admit(
        self, caller: Caller, relationship_id: str, *, therapist_userid: str, client_userid: str | None
    ) -> Relationship:
        """The relationship an upload is for, made on its first upload where the setting allows it.

        Raises: NotFound for a relationship that is not this therapist's, or does not exist and may not be made.
        """
        found = await self._find(relationship_id)
        if found is None:
            if not may_provision(caller, on_first_upload=self._provision_on_upload):
                raise _unknown(relationship_id)
            found = await self._make(relationship_id, therapist_userid, client_userid)
        if found.therapist_userid != therapist_userid:
            raise _unknown(relationship_id)
        if client_userid is not None and found.client_userid is None:
            change = Change("set", "/client_userid", client_userid)
            await self._items.patch(DIRECTORY, _key(relationship_id), _key(relationship_id), [change])
        return found

    async def _find(self, relationship_id: str) -> Relationship | None:
        item = await self._items.read(DIRECTORY, _key(relationship_id), _key(relationship_id))
        return None if item is None else Relationship.model_validate(item.body | {"id": relationship_id})

    async def _make(self, relationship_id: str, therapist_userid: str, client_userid: str | None) -> Relationship:
        made = Relationship(id=relationship_id, therapist_userid=therapist_userid, client_userid=client_userid)
        body = {
            **made.model_dump(mode="json"),
            "id": _key(relationship_id),
            "kind": "relationship",
            "created": iso(self._clock.now()),
        }
        try:
            await self._items.create(DIRECTORY, _key(relationship_id), body)
        except AlreadyExists:
            return await self._find(relationship_id) or made
        return made


def _key(relationship_id: str) -> str:
    return f"relationship:{relationship_id}"


def _unknown(relationship_id: str) -> NotFound:
    return NotFound(f"no relationship {relationship_id}", code="relationship_not_found")
