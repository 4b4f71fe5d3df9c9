"""What wraps whose data keys, and how old the oldest key in use is: one line a relationship, all in one partition.

So a rotation of either kind of key can be followed up without asking every partition there is.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import datetime

from shared.domain.errors import AlreadyExists, NotFound
from shared.domain.names import RECORDS
from shared.domain.times import iso
from shared.ports import Change, ItemStore, JsonObject, all_items

WRAPPED = "~wrapped"
"""The partition: `~` is not allowed in a relationship's id."""
KIND = "wrapped"
UNKNOWN = ""
"""In place of a `kek_id`: one key may be wrapped by another than the rest, so look."""


class WrappedList:
    """The list. A line too many costs a look; every relationship with a data key has one."""

    def __init__(self, items: ItemStore) -> None:
        self._items = items

    async def enlist(self, relationship: str, kek_id: str, since: str) -> None:
        """Put a relationship on the list, if it is not there: before its first data key, made at `since`, is stored."""
        with suppress(AlreadyExists):
            await self._items.create(RECORDS, WRAPPED, _line(relationship, kek_id, since))

    async def mark(self, relationship: str, kek_id: str) -> None:
        """Say that all data keys of the relationship are wrapped by this key-encryption key."""
        await self._set(relationship, "kek_id", kek_id)

    async def renewed(self, relationship: str, since: datetime) -> None:
        """Say that nothing of the relationship lies under a data key that was made before `since`."""
        await self._set(relationship, "since", iso(since))

    async def remove(self, relationship: str) -> None:
        """Take a relationship off; one that is not on it is fine."""
        with suppress(NotFound):
            await self._items.delete(RECORDS, WRAPPED, relationship)

    async def behind(self, kek_id: str) -> AsyncIterator[str]:
        """Relationships with a data key that may be wrapped by another key-encryption key than this."""
        async for line in all_items(self._items, RECORDS, WRAPPED, equal={"kind": KIND}):
            if line.body["kek_id"] != kek_id:
                yield str(line.body["id"])

    async def older_than(self, moment: datetime) -> AsyncIterator[str]:
        """Relationships of which something may lie under a data key made before this moment."""
        async for line in all_items(self._items, RECORDS, WRAPPED, equal={"kind": KIND}):
            if line.body.get("since", "") < iso(moment):  # lines from before ages were kept have none
                yield str(line.body["id"])

    async def _set(self, relationship: str, name: str, value: str) -> None:
        """Each writer changes what it knows and nothing else. No line: the relationship has been shredded since."""
        with suppress(NotFound):
            await self._items.patch(RECORDS, WRAPPED, relationship, [Change("set", f"/{name}", value)])


def _line(relationship: str, kek_id: str, since: str) -> JsonObject:
    return {"id": relationship, "therapist_client_id": WRAPPED, "kind": KIND, "kek_id": kek_id, "since": since}
