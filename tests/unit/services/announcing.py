"""A world for webhooks: stores that outlive processes, a real receiver on loopback, and a host that may die."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from ipaddress import IPv4Address
from typing import Any

from shared.adapters.guarded_web import GuardedWeb
from shared.crypto.keyring import Keyrings
from shared.domain.addresses import AddressRule
from shared.domain.errors import Transient
from shared.domain.limits import Limits
from shared.domain.names import WEBHOOKS_QUEUE
from shared.domain.webhook import Delivery, DeliveryRules, Outcome
from shared.ports import ItemStore, Queues
from shared.services.deliver_webhook import Courier
from shared.services.delivery_log import DeliveryLog
from shared.services.webhooks import Webhooks
from tests.faults import Fault
from tests.unit.services.world import MAX_DELIVERIES, Stores

PARTNER = "clinic1"
LOOPBACK = AddressRule(frozenset({IPv4Address("127.0.0.1")}))
RULES = DeliveryRules()


class Announcer:
    """One process of the app, with a fault between it and everything outside where one is given."""

    def __init__(
        self,
        stores: Stores,
        fault: Fault | None = None,
        *,
        items: ItemStore | None = None,
        queues: Queues | None = None,
        rules: DeliveryRules = RULES,
        http_on_loopback: bool = True,
    ) -> None:
        fault = fault or Fault()
        outside: dict[str, Any] = {
            "web": fault.over(GuardedWeb(rule=LOOPBACK)),
            "queues": fault.over(queues or stores.queues),
            "clock": stores.clock,
            "limits": Limits(),
        }
        items = fault.over(items or stores.items)
        self.log = DeliveryLog(items)
        keyrings = Keyrings(items=items, kek=fault.over(stores.kek), clock=stores.clock)
        self.webhooks = Webhooks(
            items=items, log=self.log, keyrings=keyrings, http_on_loopback=http_on_loopback, **outside
        )
        self.courier = Courier(log=self.log, webhooks=self.webhooks, rules=rules, **outside)


class Post:
    """Plays whoever announces and the host: repeats what failed, delivers twice, rings the timer, lets time pass."""

    def __init__(self, stores: Stores, fault: Fault | None = None, **given: Any) -> None:
        self.stores = stores
        self.process = Announcer(stores, fault, **given)
        self._given = given

    async def announce(self, processing_id: str = "p1", outcome: Outcome = Outcome.DONE) -> None:
        """Until it is accepted, as background work that runs at least once."""
        for _ in range(MAX_DELIVERIES):
            if await self._try(lambda: self.process.webhooks.announce(PARTNER, processing_id, outcome)):
                return
        raise AssertionError("never announced")

    async def carry(self, *, copies: int = 1) -> None:
        """Deliver every message there is, each `copies` times, and those that come of them."""
        while (message := self.stores.queues.take(WEBHOOKS_QUEUE)) is not None:
            for _ in range(copies):
                await self._carry(message)

    async def ring(self) -> None:
        """The timer."""
        await self._try(self.process.courier.look_again)

    async def settle(self, *, copies: int = 1, rounds: int = 12) -> list[Delivery]:
        """Let time pass until nothing is on its way; the log."""
        for _ in range(rounds):
            await self.carry(copies=copies)
            self.stores.clock.move(hours=3)
            await self.ring()
        page = await Announcer(self.stores).webhooks.deliveries(PARTNER, limit=100, continuation=None)
        return page.deliveries

    async def _carry(self, message: dict[str, str]) -> None:
        partner, event_id, attempt = message["partner"], message["event_id"], int(message["attempt"])
        for _ in range(MAX_DELIVERIES):
            if await self._try(lambda: self.process.courier.deliver(partner, event_id, attempt)):
                return
        await self._try(lambda: self.process.courier.give_up(partner, event_id, attempt))

    async def _try(self, call: Callable[[], Awaitable[None]]) -> bool:
        """Whether it came to its end. A process that died is followed by a new one without faults."""
        try:
            await call()
        except Transient:
            return False
        except asyncio.CancelledError:
            self.process = Announcer(self.stores, **self._given)
            return False
        return True
