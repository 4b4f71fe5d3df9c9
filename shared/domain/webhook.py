"""Telling a partner that processing has ended: what is sent, how it is signed, and what is kept of the telling."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID, uuid5

from pydantic import Field

from shared.domain.model import Model

TIMESTAMP_HEADER = "x-scribe-timestamp"
SIGNATURE_HEADER = "x-scribe-signature"
ACCEPTED = frozenset({200, 204})
"""What a receiver answers when it has the event."""
DELIVERED = "delivered"
REFUSED = "refused"
KEPT_ATTEMPTS = 20
MAX_DELAY = timedelta(days=7)
"""As long as a queue holds a message back."""

_EVENTS = UUID("7d1f6c0e-5b0c-4d55-9a37-3c9f4b6f2a10")


class Outcome(StrEnum):
    """How processing ended."""

    DONE = "done"
    ERROR = "error"

    @property
    def event_type(self) -> str:
        """The event's `type`."""
        return f"processing.{self}"


class DeliveryRules(Model):
    """How often and for how long an event is tried, and how long the log remembers it."""

    timeout: timedelta = timedelta(seconds=5)
    """For the receiver's answer, from looking up its name on."""
    retries: int = Field(default=5, ge=0)
    """After the first attempt."""
    first_delay: timedelta = timedelta(seconds=30)
    """Before the first retry; before each further one `factor` times as long: 30 s, 2, 8, 32 and 128 minutes."""
    factor: int = Field(default=4, ge=1)
    retention: timedelta = timedelta(days=30)
    """How long a delivery stays in the log once it has ended."""

    def delay_after(self, failed: int) -> timedelta | None:
        """How long to wait after this many failed attempts in a row; None when it was the last."""
        if failed > self.retries:
            return None
        return min(self.first_delay * int(self.factor ** (failed - 1)), MAX_DELAY)


class Webhook(Model):
    """A partner's webhook. Only its address is theirs to read again; the secret is shown when it is made."""

    id: str
    """Stays when the address or the secret changes; one that is deleted and registered again is another."""
    partner: str
    url: str = Field(repr=False)
    """May hold a token of the receiver's."""
    created: datetime
    changed: datetime
    secret: str = Field(repr=False)
    """An envelope of what its events are signed with, under data keys of the partner's own."""


class DeliveryStatus(StrEnum):
    """Where a delivery stands; all but the first are final until somebody asks for a replay."""

    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"
    CANCELLED = "cancelled"


class Attempt(Model):
    """One try. `status` is what the receiver answered, None when it did not."""

    at: datetime
    duration_ms: int
    status: int | None
    outcome: str
    """`delivered`, `refused`, or the code of the error."""


class Delivery(Model):
    """One event on its way to one webhook: ids, times and numbers only."""

    event_id: str
    partner: str
    webhook_id: str
    processing_id: str
    outcome: Outcome
    occurred_at: str
    status: DeliveryStatus = DeliveryStatus.PENDING
    made: int = 0
    """Attempts made, ever."""
    made_before: int = 0
    """How many of them are of earlier rounds: a replay begins a round."""
    due: datetime
    """When the next attempt is to be made, or when the last one was."""
    busy_until: datetime | None = None
    """Until when nobody else is to make the next attempt."""
    attempts: tuple[Attempt, ...] = ()
    """The newest ones, oldest first."""

    @property
    def body(self) -> bytes:
        """What is sent: the same bytes at every attempt."""
        event = {
            "eventId": self.event_id,
            "type": self.outcome.event_type,
            "processingId": self.processing_id,
            "occurredAt": self.occurred_at,
        }
        return json.dumps(event, separators=(",", ":")).encode()

    def after(self, attempt: Attempt, rules: DeliveryRules) -> Delivery:
        """The delivery with one attempt more, and what follows from it."""
        made = self.made + 1
        delivered = attempt.outcome == DELIVERED
        delay = None if delivered else rules.delay_after(made - self.made_before)
        ended = DeliveryStatus.DELIVERED if delivered else DeliveryStatus.DEAD
        return self.model_copy(
            update={
                "status": ended if delay is None else DeliveryStatus.PENDING,
                "made": made,
                "due": attempt.at + (delay or timedelta()),
                "busy_until": None,
                "attempts": (*self.attempts, attempt)[-KEPT_ATTEMPTS:],
            }
        )

    def cancelled(self, now: datetime) -> Delivery | None:
        """What it ends as when its webhook is gone; None when it has ended already."""
        if self.status is not DeliveryStatus.PENDING:
            return None
        return self.model_copy(update={"status": DeliveryStatus.CANCELLED, "due": now, "busy_until": None})

    def again(self, webhook_id: str, now: datetime) -> Delivery:
        """On its way to a webhook once more, with all attempts before it; due now."""
        change: dict[str, object] = {"webhook_id": webhook_id, "due": now}
        if self.status is not DeliveryStatus.PENDING:
            change |= {"status": DeliveryStatus.PENDING, "made_before": self.made}
        return self.model_copy(update=change)


def event_id(partner: str, processing_id: str, outcome: Outcome, run: str) -> str:
    """The same for the same end of the same run, so that it is told once however often it is announced."""
    return str(uuid5(_EVENTS, "\n".join((partner, processing_id, outcome, run))))


def signature(secret: str, timestamp_ms: int, body: bytes) -> str:
    """The signature header: HMAC-SHA256 over `{timestamp}.{body}` under the secret's own text."""
    signed = hmac.new(secret.encode(), f"{timestamp_ms}.".encode() + body, hashlib.sha256)
    return f"v1={signed.hexdigest()}"
