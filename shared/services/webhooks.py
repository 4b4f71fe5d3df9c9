"""Partners' webhooks: registering one, announcing to it that processing has ended, and the log of what came of that.

    announce ──► line on the list ──► delivery (create-only) ──► message on `webhooks` ──► deliver_webhook

Announcing may be repeated, and a process may die between any two steps: the event has one id and one delivery, and
what stands on the list is looked at again.
"""

from __future__ import annotations

import base64
import os
from dataclasses import dataclass
from uuid import uuid4

from shared.crypto.envelope import associated_data
from shared.crypto.keyring import Keyrings
from shared.domain.errors import AlreadyExists, Conflict, InvalidInput, NotFound, PreconditionFailed
from shared.domain.limits import Limits
from shared.domain.names import DIRECTORY, WEBHOOKS_QUEUE
from shared.domain.times import iso
from shared.domain.urls import CODE, read_url
from shared.domain.webhook import Delivery, DeliveryStatus, Outcome, Webhook, event_id
from shared.ports import Clock, Item, ItemStore, Queues, Web
from shared.services.delivery_log import DeliveryLog, DeliveryPage, partner_key

SECRET_BYTES = 32
PREFIX = "whsec_"
RESOURCE = "webhooks"
KEYS = "webhook:"
"""Items' ids, which partners' data keys are filed under too, begin with this, as no relationship's name does."""


@dataclass(frozen=True)
class Destination:
    """Where a webhook's events go, and what they are signed with."""

    webhook: Webhook
    secret: str


class Webhooks:
    """One webhook a partner, by their caller id. Its secret is encrypted under data keys of the partner's own."""

    def __init__(
        self,
        *,
        items: ItemStore,
        log: DeliveryLog,
        keyrings: Keyrings,
        web: Web,
        queues: Queues,
        clock: Clock,
        limits: Limits,
        http_on_loopback: bool,
    ) -> None:
        """`http_on_loopback` lets a laptop's own receivers go without a certificate."""
        self._items = items
        self._log = log
        self._keyrings = keyrings
        self._web = web
        self._queues = queues
        self._clock = clock
        self._limits = limits
        self._http_on_loopback = http_on_loopback

    async def register(self, partner: str, url: str) -> Destination:
        """Set the partner's address; its new secret, shown this once. An earlier secret is void from now on.

        Raises: InvalidInput (`url_not_allowed`); SourceUnavailable when its name cannot be looked up now.
        """
        self.check_scheme(url)
        await self._web.check(url)
        secret = _shown(os.urandom(SECRET_BYTES))
        keyring = await self._keyrings.of(_key(partner))
        while True:
            item = await self._read(partner)
            now = self._clock.now()
            before = _webhook(item) if item else None
            webhook_id = before.id if before else str(uuid4())
            webhook = Webhook(
                id=webhook_id,
                partner=partner,
                url=url,
                created=before.created if before else now,
                changed=now,
                secret=keyring.seal(secret, aad=_aad(webhook_id)),
            )
            try:
                await self._write(webhook, item)
            except (AlreadyExists, NotFound, PreconditionFailed):
                continue  # another registration, or a removal, at the same time
            return Destination(webhook, secret)

    async def find(self, partner: str) -> Webhook | None:
        """The partner's webhook, or None."""
        item = await self._read(partner)
        return None if item is None else _webhook(item)

    async def get(self, partner: str) -> Webhook:
        """The partner's webhook. Raises: NotFound (`webhook_not_found`)."""
        webhook = await self.find(partner)
        if webhook is None:
            raise _unknown()
        return webhook

    async def remove(self, partner: str) -> None:
        """End the webhook; what is on its way to it ends `cancelled`. Raises: NotFound (`webhook_not_found`)."""
        try:
            await self._items.delete(DIRECTORY, _key(partner), _key(partner))
        except NotFound:
            raise _unknown() from None
        now = self._clock.now()
        async for pending in self._log.pending(partner):
            await self._log.change(partner, pending, lambda delivery: delivery.cancelled(now))

    async def secret_of(self, webhook: Webhook) -> str:
        """What its events are signed with. Raises: DecryptionFailed, StoreUnavailable."""
        opened = await self._keyrings.open(_key(webhook.partner), webhook.secret, aad=_aad(webhook.id))
        return opened.decode()

    def check_scheme(self, url: str) -> None:
        """Events go over TLS; on a laptop its own receivers may do without. Raises: InvalidInput."""
        read = read_url(url)
        on_loopback = read.address is not None and read.address.is_loopback
        if read.scheme != "https" and not (self._http_on_loopback and on_loopback):
            raise InvalidInput("a webhook's URL must begin with https://", code=CODE)

    async def announce(self, partner: str, processing_id: str, outcome: Outcome, *, run: str = "") -> None:
        """Tell the partner's webhook, if there is one, that processing has ended.

        Safe to repeat: one `run` of one processing ends in an event once. Without a webhook nobody is told, then or
        later. Raises: StoreUnavailable, after which the call is to be repeated.
        """
        webhook = await self.find(partner)
        if webhook is None:
            return
        now = self._clock.now()
        announced = Delivery(
            event_id=event_id(partner, processing_id, outcome, run),
            partner=partner,
            webhook_id=webhook.id,
            processing_id=processing_id,
            outcome=outcome,
            occurred_at=iso(now),
            due=now,
        )
        entered = await self._log.enter(announced, look_at=now + self._limits.push_after)
        if entered.status is DeliveryStatus.PENDING and entered.made == 0:
            await ask_for_delivery(entered, self._queues)

    async def deliveries(self, partner: str, *, limit: int, continuation: str | None) -> DeliveryPage:
        """A page of what was and is to be delivered to the partner, newest first. Raises: InvalidInput."""
        return await self._log.page(partner, limit=limit, continuation=continuation)

    async def replay(self, partner: str, event: str) -> Delivery:
        """Deliver the event again, at once, to the webhook that is registered now; a waiting one need wait no more.

        Raises: NotFound (`delivery_not_found`); Conflict (`webhook_missing`) when there is no webhook.
        """
        delivery = await self._log.get(partner, event)
        webhook = await self.find(partner)
        if webhook is None:
            raise Conflict("register a webhook before events are replayed to it", code="webhook_missing")
        now = self._clock.now()
        await self._log.watch(delivery, now + self._limits.push_after)
        again = await self._log.change(partner, event, lambda found: found.again(webhook.id, now))
        assert again is not None
        await ask_for_delivery(again, self._queues)
        return again

    async def _read(self, partner: str) -> Item | None:
        return await self._items.read(DIRECTORY, _key(partner), _key(partner))

    async def _write(self, webhook: Webhook, before: Item | None) -> None:
        key = _key(webhook.partner)
        body = {**webhook.model_dump(mode="json"), "id": key, "kind": "webhook", "webhook_id": webhook.id}
        if before is None:
            await self._items.create(DIRECTORY, key, body)
        else:
            await self._items.replace(DIRECTORY, key, body, etag=before.etag)


async def ask_for_delivery(delivery: Delivery, queues: Queues, *, delay_s: int = 0) -> None:
    """Queue the next attempt. Its number makes a message that comes twice, or late, one that changes nothing."""
    message = {"partner": delivery.partner, "event_id": delivery.event_id, "attempt": str(delivery.made + 1)}
    await queues.send(WEBHOOKS_QUEUE, message, delay_s=delay_s)


def _webhook(item: Item) -> Webhook:
    return Webhook.model_validate({**item.body, "id": item.body["webhook_id"]})


def _shown(secret: bytes) -> str:
    return PREFIX + base64.urlsafe_b64encode(secret).rstrip(b"=").decode("ascii")


def _key(partner: str) -> str:
    return f"{KEYS}{partner_key(partner)}"


def _aad(webhook_id: str) -> str:
    return associated_data(RESOURCE, webhook_id, "secret")


def _unknown() -> NotFound:
    return NotFound("no webhook is registered", code="webhook_not_found")
