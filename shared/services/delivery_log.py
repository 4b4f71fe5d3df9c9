"""The log of deliveries: each partner's in a partition of its own, and one list of when to look at which again.

The line on the list is written before the delivery it is about, and goes last: a delivery nobody looks after cannot
come to be, whenever a process dies.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime

from shared.domain.errors import AlreadyExists, NotFound, PreconditionFailed
from shared.domain.model import Model
from shared.domain.names import SESSIONS
from shared.domain.times import iso
from shared.domain.webhook import Delivery, DeliveryStatus
from shared.ports import ItemStore, JsonObject, all_items

LIST = "~webhooks"
"""Partition of the list. No client's session id can be this: `~` is not allowed in one."""
KIND = "delivery"


class Line(Model):
    """A line of the list: when to look at a delivery again, if nothing has happened to it by then."""

    event_id: str
    partner: str
    look_at: str
    etag: str


@dataclass(frozen=True)
class DeliveryPage:
    """Deliveries, newest first."""

    deliveries: list[Delivery]
    continuation: str | None


class DeliveryLog:
    """Deliveries and the list of them. Partners are told apart by their caller id, whatever characters it has."""

    def __init__(self, items: ItemStore) -> None:
        self._items = items

    async def enter(self, delivery: Delivery, *, look_at: datetime) -> Delivery:
        """Create the delivery, after its line; or give back the one that stands under its id."""
        await self.watch(delivery, look_at)
        partition = _partition(delivery.partner)
        try:
            await self._items.create(SESSIONS, partition, _body(delivery))
        except AlreadyExists:
            return await self.get(delivery.partner, delivery.event_id)
        return delivery

    async def find(self, partner: str, event_id: str) -> Delivery | None:
        """The delivery, or None."""
        item = await self._items.read(SESSIONS, _partition(partner), event_id)
        return None if item is None else Delivery.model_validate(item.body)

    async def get(self, partner: str, event_id: str) -> Delivery:
        """The delivery. Raises: NotFound (`delivery_not_found`)."""
        found = await self.find(partner, event_id)
        if found is None:
            raise _unknown(event_id)
        return found

    async def change(
        self, partner: str, event_id: str, decide: Callable[[Delivery], Delivery | None]
    ) -> Delivery | None:
        """Make the delivery what `decide` makes of it as it stands; None when that is None.

        Read and write are one: when the delivery changes in between, `decide` is asked again.
        Raises: NotFound (`delivery_not_found`).
        """
        while True:
            item = await self._items.read(SESSIONS, _partition(partner), event_id)
            if item is None:
                raise _unknown(event_id)
            changed = decide(Delivery.model_validate(item.body))
            if changed is None:
                return None
            body = {**item.body, **_body(changed)}
            try:
                await self._items.replace(SESSIONS, _partition(partner), body, etag=item.etag)
            except PreconditionFailed:
                continue
            return changed

    async def page(self, partner: str, *, limit: int, continuation: str | None) -> DeliveryPage:
        """A page of a partner's deliveries. Raises: InvalidInput (`invalid_continuation`)."""
        page = await self._items.query(
            SESSIONS,
            _partition(partner),
            equal={"kind": KIND},
            order_by="occurred_at",
            descending=True,
            limit=limit,
            continuation=continuation,
        )
        return DeliveryPage([Delivery.model_validate(item.body) for item in page.items], page.continuation)

    async def pending(self, partner: str) -> AsyncIterator[str]:
        """Event ids of all that are on their way."""
        equal = {"kind": KIND, "status": DeliveryStatus.PENDING.value}
        async for item in all_items(self._items, SESSIONS, _partition(partner), equal=equal):
            yield str(item.body["event_id"])

    async def watch(self, delivery: Delivery, look_at: datetime) -> None:
        """Put the delivery on the list, or change when it is to be looked at."""
        body = {
            "id": delivery.event_id,
            "session_id": LIST,
            "kind": "line",
            "partner": delivery.partner,
            "look_at": iso(look_at),
        }
        await self._items.upsert(SESSIONS, LIST, body)

    async def due(self, now: datetime) -> AsyncIterator[Line]:
        """The lines whose time has come, those that waited longest first."""
        async for item in all_items(self._items, SESSIONS, LIST, equal={"kind": "line"}, order_by="look_at"):
            line = Line.model_validate({**item.body, "event_id": item.body["id"], "etag": item.etag})
            if line.look_at > iso(now):
                return
            yield line

    async def forget(self, line: Line, *, ended_before: datetime) -> None:
        """Delete the delivery if it has ended long enough ago, then its line; neither if anybody touches them now."""
        partition = _partition(line.partner)
        item = await self._items.read(SESSIONS, partition, line.event_id)
        if item is not None:
            found = Delivery.model_validate(item.body)
            if found.status is DeliveryStatus.PENDING or found.due > ended_before:
                return
            try:
                await self._items.delete(SESSIONS, partition, line.event_id, etag=item.etag)
            except (NotFound, PreconditionFailed):
                return
        await self.strike(line)

    async def strike(self, line: Line) -> None:
        """Take a line off the list, unless it was renewed since it was read."""
        try:
            await self._items.delete(SESSIONS, LIST, line.event_id, etag=line.etag)
        except (NotFound, PreconditionFailed):
            return


def partner_key(partner: str) -> str:
    """A caller id as part of an item's name: ids of tokens may hold characters that no name may."""
    return hashlib.sha256(partner.encode()).hexdigest()


def _partition(partner: str) -> str:
    return f"~webhook:{partner_key(partner)}"


def _body(delivery: Delivery) -> JsonObject:
    return {
        "id": delivery.event_id,
        "session_id": _partition(delivery.partner),
        "kind": KIND,
        **delivery.model_dump(mode="json"),
    }


def _unknown(event_id: str) -> NotFound:
    return NotFound(f"no delivery of event {event_id}", code="delivery_not_found")
