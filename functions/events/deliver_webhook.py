"""Processing has ended and a partner wants to know: make an attempt to tell them."""

from __future__ import annotations

import azure.functions as func

from shared.bootstrap import services
from shared.domain.names import WEBHOOKS_QUEUE

blueprint = func.Blueprint()  # type: ignore[no-untyped-call]


@blueprint.function_name("deliver_webhook")
@blueprint.queue_trigger(arg_name="message", queue_name=WEBHOOKS_QUEUE, connection="AzureWebJobsStorage")
async def deliver_webhook(message: func.QueueMessage) -> None:
    """The message holds ids and the attempt's number only."""
    ids = message.get_json()
    await services().courier.deliver(ids["partner"], ids["event_id"], int(ids["attempt"]))
