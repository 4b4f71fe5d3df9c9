"""Each person's list of the relationships they are in: one item of the directory for a role and a user."""

from __future__ import annotations

from shared.domain.caller import Role
from shared.domain.errors import AlreadyExists, NotFound, Permanent
from shared.domain.names import DIRECTORY
from shared.domain.relationship import Relationship
from shared.domain.times import iso
from shared.ports import Change, Clock, ItemStore


class RelationshipLists:
    """A list may name a relationship that never came to be or became somebody else's; it never lacks one."""

    def __init__(self, items: ItemStore, clock: Clock) -> None:
        self._items = items
        self._clock = clock

    async def ids(self, role: Role, userid: str) -> set[str]:
        """Of the relationships on somebody's list."""
        key = _key(role, userid)
        item = await self._items.read(DIRECTORY, key, key)
        return set(item.body["relationships"] if item is not None else ())

    async def put(self, relationship: Relationship) -> None:
        """On the lists of both its people; on one it is on already, it stays."""
        await self._put(Role.THERAPIST, relationship.therapist_userid, relationship.id)
        if relationship.client_userid is not None:
            await self._put(Role.CLIENT, relationship.client_userid, relationship.id)

    async def take_off(self, role: Role, userid: str, relationship_id: str) -> None:
        """Off one person's list; one that is not there, or is taken off by somebody else, is fine."""
        key = _key(role, userid)
        item = await self._items.read(DIRECTORY, key, key)
        if item is not None and relationship_id in item.body["relationships"]:
            try:
                await self._items.patch(DIRECTORY, key, key, [Change("remove", f"/relationships/{relationship_id}")])
            except Permanent as error:
                if error.code != "store_refused":  # somebody else has taken it off in between
                    raise

    async def _put(self, role: Role, userid: str, relationship_id: str) -> None:
        key, now = _key(role, userid), iso(self._clock.now())
        while True:
            try:
                await self._items.patch(DIRECTORY, key, key, [Change("set", f"/relationships/{relationship_id}", now)])
            except NotFound:
                body = {"id": key, "kind": "relationships", "relationships": {relationship_id: now}}
                try:
                    await self._items.create(DIRECTORY, key, body)
                except AlreadyExists:
                    continue
            return


def _key(role: Role, userid: str) -> str:
    return f"relationships:{role}:{userid}"
