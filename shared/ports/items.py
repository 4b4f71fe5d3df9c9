"""JSON items with optimistic concurrency."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

JsonObject = dict[str, Any]

MAX_STEPS = 100
"""Of one batch; Cosmos DB's limit."""


@dataclass(frozen=True)
class Item:
    """A stored JSON object and the etag of the version that was read or written."""

    body: JsonObject
    etag: str


@dataclass(frozen=True)
class Create:
    """Batch step: the item must not exist (AlreadyExists)."""

    body: JsonObject


@dataclass(frozen=True)
class Upsert:
    """Batch step: create or replace."""

    body: JsonObject


@dataclass(frozen=True)
class Replace:
    """Batch step: the item must exist (NotFound) and be the version read (PreconditionFailed)."""

    body: JsonObject
    etag: str | None = None


@dataclass(frozen=True)
class Change:
    """One step of a patch: `op` is `set`, `incr` or `remove`; `path` is a JSON pointer such as `/present/i3`."""

    op: str
    path: str
    value: Any = None


@dataclass(frozen=True)
class Patch:
    """Batch step: change parts of an item that must exist (NotFound) and be the version read (PreconditionFailed)."""

    id: str
    changes: Sequence[Change]
    etag: str | None = None


@dataclass(frozen=True)
class Delete:
    """Batch step: the item must exist (NotFound)."""

    id: str
    etag: str | None = None


Step = Create | Upsert | Replace | Patch | Delete


@dataclass(frozen=True)
class Page:
    """One page of a query; `continuation` asks for the next, None at the end."""

    items: Sequence[Item]
    continuation: str | None


class ItemStore(Protocol):
    """JSON items in containers, each in a partition, with optimistic concurrency.

    Every body holds `id` and the container's partition key property. Writes are atomic per call; a batch is
    atomic as a whole, in one partition, at most `MAX_STEPS` steps. A patch holds at most 10 changes.
    """

    async def read(self, container: str, partition: str, item_id: str) -> Item | None:
        """A point read; None when absent."""
        ...

    async def create(self, container: str, partition: str, body: JsonObject) -> Item:
        """Raises: AlreadyExists."""
        ...

    async def upsert(self, container: str, partition: str, body: JsonObject) -> Item:
        """Create or replace."""
        ...

    async def replace(self, container: str, partition: str, body: JsonObject, *, etag: str | None = None) -> Item:
        """Raises: NotFound; PreconditionFailed when `etag` is given and the item has changed."""
        ...

    async def patch(
        self, container: str, partition: str, item_id: str, changes: Sequence[Change], *, etag: str | None = None
    ) -> Item:
        """Apply all changes and give back the item as it stands then. Raises: NotFound, PreconditionFailed."""
        ...

    async def delete(self, container: str, partition: str, item_id: str, *, etag: str | None = None) -> None:
        """Raises: NotFound, PreconditionFailed."""
        ...

    async def batch(self, container: str, partition: str, steps: Sequence[Step]) -> Sequence[Item | None]:
        """All steps or none. Gives each step's item (None for a delete).

        Raises: the error of the first step that failed (AlreadyExists, NotFound, PreconditionFailed).
        """
        ...

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
        """Items of one partition whose top-level fields equal the given values, at most `limit` a page.

        Raises: InvalidInput (`invalid_continuation`) for a continuation that is not ours.
        """
        ...


async def all_items(
    store: ItemStore,
    container: str,
    partition: str,
    *,
    equal: Mapping[str, Any] | None = None,
    order_by: str | None = None,
) -> AsyncIterator[Item]:
    """Every item that `query` finds, page after page; nothing is asked for that is not taken."""
    continuation = None
    while True:
        page = await store.query(container, partition, equal=equal or {}, order_by=order_by, continuation=continuation)
        for item in page.items:
            yield item
        continuation = page.continuation
        if continuation is None:
            return
