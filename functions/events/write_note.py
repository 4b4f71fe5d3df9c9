"""A transcript stands: write its note."""

from __future__ import annotations

import azure.functions as func

from shared.bootstrap import services
from shared.domain.names import NOTES_QUEUE
from shared.services import write_note as use_case

blueprint = func.Blueprint()  # type: ignore[no-untyped-call]


@blueprint.function_name("write_note")
@blueprint.queue_trigger(arg_name="message", queue_name=NOTES_QUEUE, connection="AzureWebJobsStorage")
async def write_note(message: func.QueueMessage) -> None:
    """The message holds ids only."""
    app, ids = services(), message.get_json()
    await use_case.write_note(
        ids["session_id"],
        ids["manifest"],
        ledger=app.ledger,
        claims=app.claims,
        transcripts=app.transcripts,
        histories=app.histories,
        requests=app.requests,
        instructions=app.instructions,
        notes=app.notes,
        endings=app.endings,
        clock=app.clock,
    )
