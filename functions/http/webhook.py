"""A partner's webhook: where to tell them that processing has ended, and what came of telling."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Path, Query, Response
from pydantic import BaseModel, Field

from functions.http.auth import App, CallerNow
from functions.http.edge import operation
from functions.http.fields import NEXT_PAGE, CamelModel, Text
from functions.http.problems import Problem
from functions.http.relationships import FOR_SERVICES
from shared.domain.caller import Role, require_role
from shared.domain.urls import MAX_LENGTH
from shared.domain.webhook import Delivery as Row
from shared.domain.webhook import DeliveryStatus, Webhook

NONE = {404: {"model": Problem, "description": "No webhook is registered"}}


class WebhookAddress(CamelModel):
    """Where events are sent: https, on the public internet."""

    url: Text = Field(min_length=1, max_length=MAX_LENGTH, examples=["https://partner.example/scribe-events"])


class RegisteredWebhook(CamelModel):
    """A webhook, without its secret."""

    url: str
    created_at: datetime
    changed_at: datetime


class NewWebhook(RegisteredWebhook):
    """A webhook and its secret, which is shown this once."""

    secret: str = Field(description="Signs every event: HMAC-SHA256 over `{timestamp}.{body}`, keyed with this text")


class DeliveryAttempt(CamelModel):
    """One try; `status` is what the receiver answered, null when it did not."""

    at: datetime
    duration_ms: int
    status: int | None
    outcome: str = Field(description="`delivered`, `refused`, or the code of what went wrong")


class WebhookDelivery(CamelModel):
    """An event and its newest attempts, oldest first."""

    event_id: UUID
    type: str
    processing_id: str
    occurred_at: datetime
    status: DeliveryStatus
    next_attempt_at: datetime | None = Field(description="While it is pending")
    attempts_made: int
    attempts: list[DeliveryAttempt]


class DeliveryFilter(BaseModel):
    """Which page."""

    limit: int = Field(default=100, ge=1, le=200)
    continuation: str | None = Field(default=None, max_length=4096)


@operation("PUT", "webhook", summary="Register the webhook, or change its address and secret", responses=FOR_SERVICES)
async def put_webhook(app: App, caller: CallerNow, address: WebhookAddress, response: Response) -> NewWebhook:
    """Each caller has one. The secret is new each time and shown once; the one before is void."""
    require_role(caller, Role.SERVICE, Role.ADMIN)
    made = await app.webhooks.register(caller.id, address.url)
    response.headers["Cache-Control"] = "no-store"
    return NewWebhook(**_registered(made.webhook).model_dump(), secret=made.secret)


@operation("GET", "webhook", summary="The registered webhook", responses={**FOR_SERVICES, **NONE})
async def get_webhook(app: App, caller: CallerNow) -> RegisteredWebhook:
    """Without its secret, which nobody can read again."""
    require_role(caller, Role.SERVICE, Role.ADMIN)
    return _registered(await app.webhooks.get(caller.id))


@operation("DELETE", "webhook", status_code=204, summary="End the webhook", responses={**FOR_SERVICES, **NONE})
async def delete_webhook(app: App, caller: CallerNow) -> None:
    """What is still on its way to it is cancelled; the log stays."""
    require_role(caller, Role.SERVICE, Role.ADMIN)
    await app.webhooks.remove(caller.id)


@operation(
    "GET",
    "webhook/deliveries",
    summary="What was delivered, and what was not",
    responses={**FOR_SERVICES, 200: NEXT_PAGE},
)
async def list_webhook_deliveries(
    app: App, caller: CallerNow, wanted: Annotated[DeliveryFilter, Query()], response: Response
) -> list[WebhookDelivery]:
    """Newest first. Deliveries are kept for some weeks after they have ended."""
    require_role(caller, Role.SERVICE, Role.ADMIN)
    page = await app.webhooks.deliveries(caller.id, limit=wanted.limit, continuation=wanted.continuation)
    if page.continuation is not None:
        response.headers["x-continuation"] = page.continuation
    return [_shown(row) for row in page.deliveries]


@operation(
    "POST",
    "webhook/deliveries/{event_id}/replay",
    status_code=202,
    summary="Deliver an event again",
    responses={
        **FOR_SERVICES,
        404: {"model": Problem, "description": "No such event, or none any more"},
        409: {"model": Problem, "description": "No webhook is registered"},
    },
)
async def replay_webhook_delivery(app: App, caller: CallerNow, event_id: Annotated[UUID, Path()]) -> WebhookDelivery:
    """At once, to the webhook registered now, and with as many retries as the first time."""
    require_role(caller, Role.SERVICE, Role.ADMIN)
    return _shown(await app.webhooks.replay(caller.id, str(event_id)))


def _registered(webhook: Webhook) -> RegisteredWebhook:
    return RegisteredWebhook(url=webhook.url, created_at=webhook.created, changed_at=webhook.changed)


def _shown(row: Row) -> WebhookDelivery:
    return WebhookDelivery(
        event_id=UUID(row.event_id),
        type=row.outcome.event_type,
        processing_id=row.processing_id,
        occurred_at=datetime.fromisoformat(row.occurred_at),
        status=row.status,
        next_attempt_at=row.due if row.status is DeliveryStatus.PENDING else None,
        attempts_made=row.made,
        attempts=[DeliveryAttempt(**attempt.model_dump()) for attempt in row.attempts],
    )
