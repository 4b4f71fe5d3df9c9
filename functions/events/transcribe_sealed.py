"""A manifest has appeared: transcribe its session."""

from __future__ import annotations

import os

import azure.functions as func

from shared.bootstrap import services
from shared.domain.manifest import Manifest
from shared.services import transcribe_session

# Event Grid is all that Flex Consumption supports; a laptop's storage emulator has no events and is scanned.
EVENTS = func.BlobSource(os.environ.get("BLOB_TRIGGER_SOURCE", func.BlobSource.LOGS_AND_CONTAINER_SCAN.value))

blueprint = func.Blueprint()  # type: ignore[no-untyped-call]


@blueprint.function_name("transcribe_sealed")
@blueprint.blob_trigger(
    arg_name="manifest",
    path="sealed/{session_id}/{digest}.json",
    connection="AzureWebJobsStorage",
    source=EVENTS,
)
async def transcribe_sealed(manifest: func.InputStream) -> None:
    """The manifest is small; the audio it names is streamed by the use case."""
    app = services()
    await transcribe_session.transcribe_session(
        Manifest.model_validate_json(manifest.read()),
        ledger=app.ledger,
        claims=app.claims,
        recordings=app.recordings,
        transcripts=app.transcripts,
        blobs=app.blobs,
        queues=app.queues,
        speech=app.speech,
        locale=app.locale,
        endings=app.endings,
        clock=app.clock,
    )
