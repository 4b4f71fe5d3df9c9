"""Names of containers, queues and item kinds: what Bicep, the triggers and the adapters must agree on."""

from __future__ import annotations

# Blob containers
RECORDINGS_BLOBS = "recordings"
SEALED_BLOBS = "sealed"
AUDIO_BLOBS = "audio"
WORDS_BLOBS = "words"
DOCUMENTS_BLOBS = "documents"
PARTNER_UPLOADS = "partner-uploads"

# Queues
NOTES_QUEUE = "notes"
FETCH_QUEUE = "fetch"
WEBHOOKS_QUEUE = "webhooks"

# Cosmos containers
SESSIONS = "sessions"
RECORDS = "records"
DIRECTORY = "directory"
AUDIT = "audit"

PARTITION_KEYS = {
    SESSIONS: "session_id",
    RECORDS: "therapist_client_id",
    DIRECTORY: "id",
    AUDIT: "scope",
}
