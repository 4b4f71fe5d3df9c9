"""Lists in the directory: an item each, its entries the keys of an object, so that those who write it need no etag."""

from __future__ import annotations

from datetime import datetime

from shared.domain.errors import AlreadyExists, NotFound
from shared.domain.names import DIRECTORY
from shared.domain.times import iso
from shared.ports import Change, ItemStore


async def read_list(items: ItemStore, list_id: str, kind: str) -> set[str]:
    """The entries; none where there is no list yet."""
    item = await items.read(DIRECTORY, list_id, list_id)
    return set(item.body[kind]) if item is not None else set()


async def put_on_list(items: ItemStore, list_id: str, kind: str, entry: str, now: datetime) -> None:
    """Enter it, and make the list where it is the first; one that stands there already may be entered again."""
    while True:
        try:
            await items.patch(DIRECTORY, list_id, list_id, [Change("set", f"/{kind}/{entry}", iso(now))])
        except NotFound:
            try:
                await items.create(DIRECTORY, list_id, {"id": list_id, "kind": kind, kind: {entry: iso(now)}})
            except AlreadyExists:
                continue  # somebody else's first entry came in between
        return
