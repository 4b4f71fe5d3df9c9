"""Items, as the contract of `ItemStore` writes them."""

from typing import Any

from shared.ports import Item, ItemStore, JsonObject

BOX = "sessions"


def an_item(partition: str, item_id: str = "one", **fields: Any) -> JsonObject:
    return {"id": item_id, "session_id": partition, "kind": "thing", **fields}


async def read(items: ItemStore, partition: str, item_id: str = "one") -> Item:
    item = await items.read(BOX, partition, item_id)
    assert item is not None
    return item
