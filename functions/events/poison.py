"""Messages the host gave up on: what they were about is marked, nothing is dropped unseen."""

from __future__ import annotations

import azure.functions as func

from shared.bootstrap import services
from shared.domain.names import FETCH_QUEUE, NOTES_QUEUE, WEBHOOKS_QUEUE
from shared.services.give_up import give_up
from shared.services.stages import Stage

blueprint = func.Blueprint()  # type: ignore[no-untyped-call]


@blueprint.function_name("poison_fetch")
@blueprint.queue_trigger(arg_name="message", queue_name=f"{FETCH_QUEUE}-poison", connection="AzureWebJobsStorage")
async def poison_fetch(message: func.QueueMessage) -> None:
    """A recording that could not be fetched."""
    await _give_up(message.get_json()["session_id"], None, Stage.FETCH)


@blueprint.function_name("poison_blob")
@blueprint.queue_trigger(arg_name="message", queue_name="webjobs-blobtrigger-poison", connection="AzureWebJobsStorage")
async def poison_blob(message: func.QueueMessage) -> None:
    """A manifest whose transcription kept failing; the host's message names the blob."""
    session_id, _, name = message.get_json()["BlobName"].partition("/")
    await _give_up(session_id, name.removesuffix(".json"), Stage.TRANSCRIBE)


@blueprint.function_name("poison_note")
@blueprint.queue_trigger(arg_name="message", queue_name=f"{NOTES_QUEUE}-poison", connection="AzureWebJobsStorage")
async def poison_note(message: func.QueueMessage) -> None:
    """A note that kept failing."""
    ids = message.get_json()
    await _give_up(ids["session_id"], ids["manifest"], Stage.NOTE)


@blueprint.function_name("poison_webhook")
@blueprint.queue_trigger(arg_name="message", queue_name=f"{WEBHOOKS_QUEUE}-poison", connection="AzureWebJobsStorage")
async def poison_webhook(message: func.QueueMessage) -> None:
    """An attempt that could not even be made: it counts as one that failed."""
    ids = message.get_json()
    await services().courier.give_up(ids["partner"], ids["event_id"], int(ids["attempt"]))


async def _give_up(session_id: str, digest: str | None, stage: Stage) -> None:
    app = services()
    await give_up(
        session_id,
        digest,
        stage=stage,
        ledger=app.ledger,
        claims=app.claims,
        endings=app.endings,
        clock=app.clock,
        limits=app.limits,
    )
