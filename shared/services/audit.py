"""The audit trail of each relationship: append-only, one chain, whoever writes and from however many processes."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field

from shared.domain.access import Decision
from shared.domain.audit import Access, AuditEntry, broken_at, following
from shared.domain.caller import Caller
from shared.domain.errors import AlreadyExists
from shared.domain.names import AUDIT
from shared.domain.times import iso
from shared.ports import Clock, Item, ItemStore

HEADS = 4096
"""Scopes whose newest entry a process remembers, so that an entry costs one request."""
MAX_RESOURCES = 200
"""Named in one entry; a page of records has no more."""

DENIED = "denied"


@dataclass
class _Head:
    last: AuditEntry | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass(frozen=True)
class AuditPage:
    """Entries in order. `broken_at` is the number of the first one on this page that the chain does not bear out."""

    entries: Sequence[AuditEntry]
    broken_at: int | None
    continuation: str | None


class AuditTrail:
    """Entries are created under their number and never changed: of two writers one comes second and looks again."""

    def __init__(self, items: ItemStore, clock: Clock) -> None:
        self._items = items
        self._clock = clock
        self._heads: OrderedDict[str, _Head] = OrderedDict()

    async def record(self, caller: Caller, operation: str, decisions: Sequence[Decision], outcome: str) -> None:
        """Enter what a request was let near, in the trail of each relationship concerned.

        Where nothing was let through, the outcome is `denied`, whatever the caller was told.
        """
        scopes = dict.fromkeys(decision.relationship_id for decision in decisions)
        await asyncio.gather(
            *(
                self.append(
                    scope, _access(caller, operation, [d for d in decisions if d.relationship_id == scope], outcome)
                )
                for scope in scopes
            )
        )

    async def append(self, scope: str, access: Access) -> AuditEntry:
        """Add to the end of a scope's chain. Raises: StoreUnavailable, after which the entry may or may not stand."""
        head = self._head(scope)
        async with head.lock:
            while True:
                last = head.last or await self._last(scope)
                entry = following(last, scope, access, iso(self._clock.now()))
                try:
                    await self._items.create(AUDIT, scope, _body(entry))
                except AlreadyExists:
                    head.last = None  # another process has written since
                    continue
                head.last = entry
                return entry

    async def page(self, scope: str, *, limit: int, continuation: str | None) -> AuditPage:
        """A page of a scope, oldest first, checked against the entry before it. Raises: InvalidInput."""
        page = await self._items.query(
            AUDIT, scope, equal={}, order_by="sequence", limit=limit, continuation=continuation
        )
        entries = [_entry(item) for item in page.items]
        before = None
        if continuation is not None and entries:
            item = await self._items.read(AUDIT, scope, _id(entries[0].sequence - 1))
            before = None if item is None else _entry(item)
        return AuditPage(entries, broken_at(entries, before), page.continuation)

    async def _last(self, scope: str) -> AuditEntry | None:
        page = await self._items.query(AUDIT, scope, equal={}, order_by="sequence", descending=True, limit=1)
        return _entry(page.items[0]) if page.items else None

    def _head(self, scope: str) -> _Head:
        head = self._heads.setdefault(scope, _Head())
        self._heads.move_to_end(scope)
        while len(self._heads) > HEADS:
            self._heads.popitem(last=False)
        return head


def _access(caller: Caller, operation: str, decisions: Sequence[Decision], outcome: str) -> Access:
    let_near = dict.fromkeys(decision.resource for decision in decisions if decision.allowed)
    kept_off = dict.fromkeys(decision.resource for decision in decisions)
    return Access(
        caller=caller.id,
        roles=tuple(sorted(caller.roles)),
        operation=operation,
        resources=tuple(let_near or kept_off)[:MAX_RESOURCES],
        outcome=outcome if let_near else DENIED,
    )


def _body(entry: AuditEntry) -> dict[str, object]:
    return {"id": _id(entry.sequence), "kind": "audit", **entry.model_dump(mode="json")}


def _entry(item: Item) -> AuditEntry:
    return AuditEntry.model_validate(item.body)


def _id(sequence: int) -> str:
    return f"{sequence:012d}"
