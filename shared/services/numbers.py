"""Numeric ids for the wire: blocks from a counter item, handed out one by one (hi-lo)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from shared.domain.errors import AlreadyExists, NotFound
from shared.domain.names import DIRECTORY
from shared.ports import Change, ItemStore

BLOCK = 64


class Numbers:
    """Unique integers, one sequence for each kind of record, well below 2^53.

    A process takes a block with one atomic increment and uses it up in memory; what is left of a block when
    the process ends is never used. Ids are therefore unique and roughly, not strictly, in order of time.
    """

    def __init__(self, items: ItemStore) -> None:
        self._items = items
        self._blocks: dict[str, Iterator[int]] = {}
        self._lock = asyncio.Lock()

    async def take(self, kind: str) -> int:
        """The next number of `kind`, from 1."""
        async with self._lock:
            number = next(self._blocks.get(kind, iter(())), None)
            if number is None:
                self._blocks[kind] = iter(await self._block(kind))
                number = next(self._blocks[kind])
            return number

    async def _block(self, kind: str) -> range:
        counter = f"counter:{kind}"
        while True:
            try:
                item = await self._items.patch(DIRECTORY, counter, counter, [Change("incr", "/value", BLOCK)])
                end = int(item.body["value"])
                return range(end - BLOCK + 1, end + 1)
            except NotFound:
                try:
                    await self._items.create(DIRECTORY, counter, {"id": counter, "kind": "counter", "value": 0})
                except AlreadyExists:
                    continue
