"""Items in memory: the twin of the Cosmos adapter, held to the same contract suite. For tests and trials."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

from shared.adapters.item_patch import apply_changes
from shared.adapters.item_rules import MAX_ITEM_BYTES, Listing, check_id, check_steps, invalid_continuation, item_id_of
from shared.domain.errors import AlreadyExists, NotFound, PreconditionFailed, TooLarge
from shared.ports import Change, Create, Delete, Item, JsonObject, Page, Patch, Replace, Step, Upsert


@dataclass(frozen=True)
class _Row:
    """An item as JSON text: callers never hold what the store holds."""

    text: str
    etag: str
    sequence: int
    """When the item was created, counted."""

    @property
    def item(self) -> Item:
        return Item(body=json.loads(self.text), etag=self.etag)


_Rows = dict[str, _Row]


class MemoryItems:
    """`ItemStore` without a store. Each call runs to its end without giving way, so it is atomic."""

    def __init__(self) -> None:
        self._partitions: dict[tuple[str, str], _Rows] = {}
        self._counter = count(1)

    async def read(self, container: str, partition: str, item_id: str) -> Item | None:
        """A point read; None when absent."""
        check_id(item_id)
        row = self._rows(container, partition).get(item_id)
        return row.item if row else None

    async def create(self, container: str, partition: str, body: JsonObject) -> Item:
        """Raises: AlreadyExists, TooLarge."""
        return self._write(container, partition, Create(body))

    async def upsert(self, container: str, partition: str, body: JsonObject) -> Item:
        """Create or replace. Raises: TooLarge."""
        return self._write(container, partition, Upsert(body))

    async def replace(self, container: str, partition: str, body: JsonObject, *, etag: str | None = None) -> Item:
        """Raises: NotFound, PreconditionFailed, TooLarge."""
        return self._write(container, partition, Replace(body, etag))

    async def patch(
        self, container: str, partition: str, item_id: str, changes: Sequence[Change], *, etag: str | None = None
    ) -> Item:
        """Raises: NotFound, PreconditionFailed, TooLarge, Permanent (`store_refused`)."""
        return self._write(container, partition, Patch(item_id, changes, etag))

    async def delete(self, container: str, partition: str, item_id: str, *, etag: str | None = None) -> None:
        """Raises: NotFound, PreconditionFailed."""
        await self.batch(container, partition, [Delete(item_id, etag)])

    async def batch(self, container: str, partition: str, steps: Sequence[Step]) -> Sequence[Item | None]:
        """All steps or none. Raises: the error of the first step that failed."""
        check_steps(container, partition, steps)
        draft = dict(self._rows(container, partition))
        done = [self._apply(draft, step) for step in steps]
        self._partitions[container, partition] = draft
        return done

    async def query(
        self,
        container: str,
        partition: str,
        *,
        equal: Mapping[str, Any],
        order_by: str | None = None,
        descending: bool = False,
        limit: int = 100,
        continuation: str | None = None,
    ) -> Page:
        """One page. It goes on after the last item given, whatever was written in between."""
        listing = Listing(container, partition, equal, order_by, descending, limit)
        rows = [(row.item, row.sequence) for row in self._rows(container, partition).values()]
        places = [(_place(item, order_by, sequence), item) for item, sequence in rows if _matches(item, equal)]
        places.sort(key=lambda pair: pair[0], reverse=descending)
        after = _after(listing.token(continuation))
        if after is not None:
            places = [pair for pair in places if (pair[0] < after if descending else pair[0] > after)]
        page, rest = places[:limit], places[limit:]
        token = json.dumps(page[-1][0]) if rest else None
        return Page(items=[item for _, item in page], continuation=listing.continuation(token))

    def _rows(self, container: str, partition: str) -> _Rows:
        return self._partitions.get((container, partition), {})

    def _write(self, container: str, partition: str, step: Create | Upsert | Replace | Patch) -> Item:
        check_steps(container, partition, [step])
        draft = dict(self._rows(container, partition))
        item = self._apply(draft, step)
        self._partitions[container, partition] = draft
        assert item is not None
        return item

    def _apply(self, rows: _Rows, step: Step) -> Item | None:
        item_id = item_id_of(step)
        before = rows.get(item_id)
        if isinstance(step, Create) and before:
            raise AlreadyExists(f"item {item_id} exists")
        if isinstance(step, Replace | Patch | Delete):
            before = _expected(before, step.etag, item_id)
        if isinstance(step, Delete):
            del rows[item_id]
            return None
        body = step.body if not isinstance(step, Patch) else _patched(before, step)
        rows[item_id] = self._row(body, before)
        return rows[item_id].item

    def _row(self, body: JsonObject, before: _Row | None) -> _Row:
        text = json.dumps(body, ensure_ascii=False, allow_nan=False)
        if len(text.encode()) > MAX_ITEM_BYTES:
            raise TooLarge(f"item {body['id']} is larger than {MAX_ITEM_BYTES} bytes")
        number = next(self._counter)
        return _Row(text=text, etag=f'"{number}"', sequence=before.sequence if before else number)


def _expected(row: _Row | None, etag: str | None, item_id: str) -> _Row:
    if row is None:
        raise NotFound(f"no item {item_id}")
    if etag is not None and etag != row.etag:
        raise PreconditionFailed(f"item {item_id} has changed")
    return row


def _patched(row: _Row | None, patch: Patch) -> JsonObject:
    assert row is not None
    body = row.item.body
    apply_changes(body, patch.changes)
    return body


def _matches(item: Item, equal: Mapping[str, Any]) -> bool:
    return all(name in item.body and _same(item.body[name], value) for name, value in equal.items())


def _same(left: Any, right: Any) -> bool:
    """Equality of JSON values: to Python True is 1, to Cosmos it is not."""
    return isinstance(left, bool) == isinstance(right, bool) and bool(left == right)


_Place = tuple[int, Any, int]


def _place(item: Item, order_by: str | None, sequence: int) -> _Place:
    """Where an item stands in a list: by type as Cosmos orders them, by value, then as created."""
    if order_by is None or order_by not in item.body:
        return 0, 0, sequence
    value = item.body[order_by]
    ranks = {type(None): 1, bool: 2, int: 3, float: 3, str: 4}
    return ranks[type(value)], 0 if value is None else value, sequence


def _after(token: str | None) -> _Place | None:
    if token is None:
        return None
    try:
        rank, value, sequence = json.loads(token)
    except (ValueError, TypeError):
        raise invalid_continuation() from None
    return rank, value, sequence
