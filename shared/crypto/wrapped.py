"""Whose data keys are wrapped by which key-encryption key: one line a relationship, all in one partition.

So a rotation of that key can be followed up without asking every partition there is.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress

from shared.domain.errors import AlreadyExists, NotFound
from shared.domain.names import RECORDS
from shared.ports import ItemStore, JsonObject

WRAPPED = "~wrapped"
"""The partition: `~` is not allowed in a relationship's id."""
KIND = "wrapped"
UNKNOWN = ""
"""In place of a `kek_id`: one key may be wrapped by another than the rest, so look."""


class WrappedList:
    """The list. A line too many costs a look; every relationship with a data key has one."""

    def __init__(self, items: ItemStore) -> None:
        self._items = items

    async def enlist(self, relationship: str, kek_id: str) -> None:
        """Put a relationship on the list, if it is not there: before its first data key is stored."""
        with suppress(AlreadyExists):
            await self._items.create(RECORDS, WRAPPED, _line(relationship, kek_id))

    async def mark(self, relationship: str, kek_id: str) -> None:
        """Say that all data keys of the relationship are wrapped by this key-encryption key."""
        await self._items.upsert(RECORDS, WRAPPED, _line(relationship, kek_id))

    async def remove(self, relationship: str) -> None:
        """Take a relationship off; one that is not on it is fine."""
        with suppress(NotFound):
            await self._items.delete(RECORDS, WRAPPED, relationship)

    async def behind(self, kek_id: str) -> AsyncIterator[str]:
        """Relationships with a data key that may be wrapped by another key-encryption key than this."""
        continuation: str | None = None
        while True:
            page = await self._items.query(RECORDS, WRAPPED, equal={"kind": KIND}, continuation=continuation)
            for line in page.items:
                if line.body["kek_id"] != kek_id:
                    yield str(line.body["id"])
            continuation = page.continuation
            if continuation is None:
                return


def _line(relationship: str, kek_id: str) -> JsonObject:
    return {"id": relationship, "therapist_client_id": WRAPPED, "kind": KIND, "kek_id": kek_id}
