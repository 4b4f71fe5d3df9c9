"""Each person's list of the relationships they are in: one item of the directory for a role and a user."""

from __future__ import annotations

import re

from shared.domain.caller import Role
from shared.domain.errors import Permanent
from shared.domain.ids import ID_PATTERN
from shared.domain.names import DIRECTORY
from shared.domain.relationship import Relationship
from shared.ports import Change, Clock, ItemStore
from shared.services.directory_lists import put_on_list, read_list

KIND = "relationships"


class RelationshipLists:
    """A list may name a relationship that never came to be or became somebody else's; it never lacks one."""

    def __init__(self, items: ItemStore, clock: Clock) -> None:
        self._items = items
        self._clock = clock

    async def ids(self, role: Role, userid: str) -> set[str]:
        """Of the relationships on somebody's list. A token's subject may be what no user of the API can be called."""
        if not re.fullmatch(ID_PATTERN, userid):
            return set()
        return await read_list(self._items, _key(role, userid), KIND)

    async def put(self, relationship: Relationship) -> None:
        """On the lists of both its people; on one it is on already, it stays."""
        now = self._clock.now()
        await put_on_list(self._items, _key(Role.THERAPIST, relationship.therapist_userid), KIND, relationship.id, now)
        if relationship.client_userid is not None:
            await put_on_list(self._items, _key(Role.CLIENT, relationship.client_userid), KIND, relationship.id, now)

    async def take_off(self, role: Role, userid: str, relationship_id: str) -> None:
        """Off one person's list; one that is not there, or is taken off by somebody else, is fine."""
        key = _key(role, userid)
        if relationship_id in await self.ids(role, userid):
            try:
                await self._items.patch(DIRECTORY, key, key, [Change("remove", f"/{KIND}/{relationship_id}")])
            except Permanent as error:
                if error.code != "store_refused":  # somebody else has taken it off in between
                    raise


def _key(role: Role, userid: str) -> str:
    return f"relationships:{role}:{userid}"
