"""Pages of a long document, kept encrypted for a day so that the next request goes on where this one stopped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from pydantic import TypeAdapter

from shared.crypto.keyring import Keyrings
from shared.domain.document import PageRead
from shared.domain.errors import DecryptionFailed
from shared.domain.names import RECORDS
from shared.ports import Clock, Item, ItemStore, JsonObject, all_items

KEPT = timedelta(hours=24)
PART = 512 * 1024
"""Characters of JSON in an item: it has two megabytes."""
KEYS = "document-pages:"
"""What the data keys are filed under: no relationship has a name like this."""
_PAGES = TypeAdapter(tuple[PageRead, ...])


class KeptPages:
    """Implements `ports.PageStore`: items in a partition of the document's own."""

    def __init__(self, *, items: ItemStore, keyrings: Keyrings, clock: Clock) -> None:
        self._items = items
        self._keyrings = keyrings
        self._clock = clock

    async def recall(self, digest: str) -> Sequence[PageRead]:
        """See PageStore.recall."""
        found: dict[int, PageRead] = {}
        async for item in all_items(self._items, RECORDS, _partition(digest)):
            found |= {read.number: read for read in await self._opened(digest, item)}
        return list(found.values())

    async def keep(self, digest: str, pages: Sequence[PageRead]) -> None:
        """See PageStore.keep."""
        keyring = await self._keyrings.of(KEYS)
        for part in _parts(pages):
            item_id = f"{part[0].number}-{part[-1].number}"
            body: JsonObject = {
                "id": item_id,
                "therapist_client_id": _partition(digest),
                "kind": "pages",
                "expires": (self._clock.now() + KEPT).isoformat(),
                "ttl": int(KEPT.total_seconds()),
                "pages": keyring.seal(_PAGES.dump_json(part), aad=f"{_partition(digest)}/{item_id}"),
            }
            await self._items.upsert(RECORDS, _partition(digest), body)

    async def _opened(self, digest: str, item: Item) -> Sequence[PageRead]:
        if datetime.fromisoformat(item.body["expires"]) <= self._clock.now():
            return ()
        aad = f"{_partition(digest)}/{item.body['id']}"
        try:
            return _PAGES.validate_json(await self._keyrings.open(KEYS, item.body["pages"], aad=aad))
        except DecryptionFailed:
            return ()  # its key is gone: read again


def _parts(pages: Sequence[PageRead]) -> Iterator[tuple[PageRead, ...]]:
    part: list[PageRead] = []
    size = 0
    for page in pages:
        length = len(page.model_dump_json())
        if part and size + length > PART:
            yield tuple(part)
            part, size = [], 0
        part.append(page)
        size += length
    if part:
        yield tuple(part)


def _partition(digest: str) -> str:
    return f"pages:{digest}"
