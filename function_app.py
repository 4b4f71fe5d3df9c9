"""The Azure Functions app: registers the blueprints."""

import azure.functions as func

from functions.events import deliver_webhook, fetch_recording, poison, transcribe_sealed, upkeep, write_note
from functions.http import (
    audit,
    docs,
    documents,
    edge,
    health,
    histories,
    instructions,
    keys,
    playback,
    processing,
    recording_urls,
    recordings,
    relationships,
    sessions,
    transcribe_day,
    transcripts,
    users,
    webhook,
)

# These register with the edge on import.
__all__ = [
    "audit",
    "docs",
    "documents",
    "health",
    "histories",
    "instructions",
    "keys",
    "playback",
    "processing",
    "recording_urls",
    "recordings",
    "relationships",
    "sessions",
    "transcribe_day",
    "transcripts",
    "users",
    "webhook",
]

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
for blueprint in (
    edge.blueprint,
    fetch_recording.blueprint,
    transcribe_sealed.blueprint,
    write_note.blueprint,
    deliver_webhook.blueprint,
    poison.blueprint,
    upkeep.blueprint,
):
    app.register_functions(blueprint)
