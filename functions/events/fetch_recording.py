"""A processing session waits for its recording: fetch it."""

from __future__ import annotations

import azure.functions as func

from shared.bootstrap import services
from shared.domain.names import FETCH_QUEUE
from shared.services import fetch_recording as use_case

blueprint = func.Blueprint()  # type: ignore[no-untyped-call]


@blueprint.function_name("fetch_recording")
@blueprint.queue_trigger(arg_name="message", queue_name=FETCH_QUEUE, connection="AzureWebJobsStorage")
async def fetch_recording(message: func.QueueMessage) -> None:
    """The message holds the session's id only."""
    app = services()
    await use_case.fetch_recording(
        message.get_json()["session_id"],
        ledger=app.ledger,
        claims=app.claims,
        requests=app.requests,
        recordings=app.recordings,
        numbers=app.numbers,
        blobs=app.blobs,
        web=app.web,
        endings=app.endings,
        clock=app.clock,
        max_bytes=app.max_recording_bytes,
    )
