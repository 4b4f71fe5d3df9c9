"""Messages the host gave up on: what they were about is marked, nothing is dropped unseen."""

from __future__ import annotations

import azure.functions as func

from shared.bootstrap import services
from shared.domain.names import NOTES_QUEUE, WEBHOOKS_QUEUE
from shared.services import transcribe_session, write_note
from shared.services.give_up import give_up

blueprint = func.Blueprint()  # type: ignore[no-untyped-call]


@blueprint.function_name("poison_blob")
@blueprint.queue_trigger(arg_name="message", queue_name="webjobs-blobtrigger-poison", connection="AzureWebJobsStorage")
async def poison_blob(message: func.QueueMessage) -> None:
    """A manifest whose transcription kept failing; the host's message names the blob."""
    session_id, _, name = message.get_json()["BlobName"].partition("/")
    await _give_up(session_id, name.removesuffix(".json"), "transcribe")


@blueprint.function_name("poison_note")
@blueprint.queue_trigger(arg_name="message", queue_name=f"{NOTES_QUEUE}-poison", connection="AzureWebJobsStorage")
async def poison_note(message: func.QueueMessage) -> None:
    """A note that kept failing."""
    ids = message.get_json()
    await _give_up(ids["session_id"], ids["manifest"], "note")


@blueprint.function_name("poison_webhook")
@blueprint.queue_trigger(arg_name="message", queue_name=f"{WEBHOOKS_QUEUE}-poison", connection="AzureWebJobsStorage")
async def poison_webhook(message: func.QueueMessage) -> None:
    """An attempt that could not even be made: it counts as one that failed."""
    ids = message.get_json()
    await services().courier.give_up(ids["partner"], ids["event_id"], int(ids["attempt"]))


async def _give_up(session_id: str, digest: str, stage: str) -> None:
    app = services()
    work = transcribe_session.work_of(digest) if stage == "transcribe" else write_note.work_of(digest)
    await give_up(
        session_id,
        digest,
        stage=stage,
        work=work,
        ledger=app.ledger,
        claims=app.claims,
        clock=app.clock,
        limits=app.limits,
    )
