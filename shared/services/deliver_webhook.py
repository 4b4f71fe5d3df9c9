"""Deliver events to partners' webhooks: one attempt a message, the next one queued with a growing delay.

    message n ──► take (until `busy_until`) ──► POST ──► outcome stored ──► line on the list ──► message n + 1

A message whose number is not the delivery's next attempt changes nothing, so it may come twice. What a process leaves
behind when it dies between two steps, the list of lines brings back; the receiver tells repeats by the event's id.
"""

from __future__ import annotations

import logging
import math
import time
from datetime import timedelta

from shared.domain.errors import DecryptionFailed, Permanent, ScribeError, SourceUnavailable
from shared.domain.limits import Limits
from shared.domain.webhook import (
    ACCEPTED,
    DELIVERED,
    REFUSED,
    SIGNATURE_HEADER,
    TIMESTAMP_HEADER,
    Attempt,
    Delivery,
    DeliveryRules,
    DeliveryStatus,
    signature,
)
from shared.ports import Clock, Queues, Web
from shared.services.delivery_log import DeliveryLog, Line
from shared.services.webhooks import Webhooks, ask_for_delivery

log = logging.getLogger(__name__)

UNKNOWN = "internal_error"
SLACK = timedelta(seconds=10)
"""Between the longest a receiver may take and the moment its attempt is thought dead."""


class Courier:
    """Makes the attempts, and looks after deliveries that stand still."""

    def __init__(
        self,
        *,
        log: DeliveryLog,
        webhooks: Webhooks,
        web: Web,
        queues: Queues,
        clock: Clock,
        rules: DeliveryRules,
        limits: Limits,
    ) -> None:
        self._log = log
        self._webhooks = webhooks
        self._web = web
        self._queues = queues
        self._clock = clock
        self._rules = rules
        self._limits = limits

    async def deliver(self, partner: str, event_id: str, attempt: int) -> None:
        """Make attempt number `attempt`, counted from 1, if it is the delivery's next.

        Raises: StoreUnavailable, after which the call is to be repeated.
        """
        delivery = await self._log.find(partner, event_id)
        if delivery is None or not _awaits(delivery, attempt):
            return
        webhook = await self._webhooks.find(partner)
        if webhook is None or webhook.id != delivery.webhook_id:
            await self._cancel(delivery)
            return
        try:
            secret = await self._webhooks.secret_of(webhook)  # before it is taken: a vault that is away holds up nobody
        except DecryptionFailed as error:
            await self._enter(delivery, attempt, self._failed(error.code))
            return
        if await self._take(delivery, attempt):
            made = await self._attempt(delivery, webhook.url, secret)
            log.info("event %s: attempt %d: %s", event_id, attempt, made.outcome)
            await self._enter(delivery, attempt, made)

    async def give_up(self, partner: str, event_id: str, attempt: int) -> None:
        """What a poison message means: the attempt failed on our side, as often as the host would try it."""
        delivery = await self._log.find(partner, event_id)
        if delivery is not None and _awaits(delivery, attempt):
            log.error("event %s: attempt %d could not be made", event_id, attempt)
            await self._enter(delivery, attempt, self._failed(UNKNOWN))

    async def look_again(self) -> None:
        """Go through what nothing has happened to for a while: queue it again, or forget what ended long ago.

        One delivery's trouble does not keep the others waiting. Raises: the last error met, at the end.
        """
        trouble: ScribeError | None = None
        async for line in self._log.due(self._clock.now()):
            try:
                await self._look_at(line)
            except ScribeError as error:
                log.warning("event %s: looking at its delivery met %s", line.event_id, error.code)
                trouble = error
        if trouble is not None:
            raise trouble

    async def _look_at(self, line: Line) -> None:
        now = self._clock.now()
        delivery = await self._log.find(line.partner, line.event_id)
        if delivery is None:
            await self._log.strike(line)  # announced by a process that died; whoever announces it again lists it again
        elif delivery.status is DeliveryStatus.PENDING:
            log.warning("event %s: its delivery stood still, queued again", line.event_id)
            await self._ask(delivery)
        elif now - delivery.due >= self._rules.retention:
            await self._log.forget(line, ended_before=now - self._rules.retention)
        else:
            await self._log.watch(delivery, delivery.due + self._rules.retention)

    async def _take(self, delivery: Delivery, attempt: int) -> bool:
        """Whether the attempt is ours to make; a delivery that is busy is somebody else's."""
        now = self._clock.now()
        until = now + self._rules.timeout + SLACK

        def take(found: Delivery) -> Delivery | None:
            busy = found.busy_until is not None and found.busy_until > now
            return found.model_copy(update={"busy_until": until}) if _awaits(found, attempt) and not busy else None

        return await self._log.change(delivery.partner, delivery.event_id, take) is not None

    async def _attempt(self, delivery: Delivery, url: str, secret: str) -> Attempt:
        body, began, at = delivery.body, time.monotonic(), self._clock.now()
        stamp = int(at.timestamp() * 1000)
        headers = {TIMESTAMP_HEADER: str(stamp), SIGNATURE_HEADER: signature(secret, stamp, body)}
        try:
            self._webhooks.check_scheme(url)
            status = await self._web.post(url, body, headers, timeout_s=self._rules.timeout.total_seconds())
        except (SourceUnavailable, Permanent) as error:
            return self._failed(error.code, began)
        outcome = DELIVERED if status in ACCEPTED else REFUSED
        return Attempt(at=at, duration_ms=_since(began), status=status, outcome=outcome)

    def _failed(self, code: str, began: float | None = None) -> Attempt:
        duration_ms = 0 if began is None else _since(began)
        return Attempt(at=self._clock.now(), duration_ms=duration_ms, status=None, outcome=code)

    async def _enter(self, delivery: Delivery, attempt: int, made: Attempt) -> None:
        """Store what came of an attempt, and start what follows; an attempt that another has made counts once."""

        def after(found: Delivery) -> Delivery | None:
            return found.after(made, self._rules) if _awaits(found, attempt) else None

        changed = await self._log.change(delivery.partner, delivery.event_id, after)
        if changed is None:
            return
        if changed.status is DeliveryStatus.PENDING:
            await self._ask(changed)
        else:
            await self._log.watch(changed, changed.due + self._rules.retention)
        if changed.status is DeliveryStatus.DEAD:
            log.warning("event %s: dead after %d attempts", changed.event_id, changed.made)

    async def _ask(self, delivery: Delivery) -> None:
        """Queue the next attempt for when it is due; the line first, in case the message is lost."""
        now = self._clock.now()
        await self._log.watch(delivery, max(delivery.due, now) + self._limits.push_after)
        delay_s = math.ceil(max(delivery.due - now, timedelta()).total_seconds())
        await ask_for_delivery(delivery, self._queues, delay_s=delay_s)

    async def _cancel(self, delivery: Delivery) -> None:
        now = self._clock.now()
        await self._log.change(delivery.partner, delivery.event_id, lambda found: found.cancelled(now))
        await self._log.watch(delivery, now + self._rules.retention)


def _awaits(delivery: Delivery, attempt: int) -> bool:
    return delivery.status is DeliveryStatus.PENDING and delivery.made + 1 == attempt


def _since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)
