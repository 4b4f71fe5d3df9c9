"""The rows of the records container: one kind for each kind of record the API speaks of."""

from __future__ import annotations

from pydantic import Field

from shared.domain.model import Model

WireId = int | str | None


def wire_id(value: str | None) -> WireId:
    """An id as the API shows it: a number when it is all digits, else the string given."""
    return int(value) if value is not None and value.isascii() and value.isdigit() else value


class Record(Model):
    """What every row has. `number` is the id on the wire; `id` is our own, deterministic key."""

    id: str
    therapist_client_id: str
    kind: str
    number: int
    session_id: str
    therapist_userid: str
    client_userid: str | None = None
    therapist_session_id: int | None = None
    created: str
    updated: str
    deleted: bool = False


class Recording(Record):
    """The stored row of one chunk."""

    kind: str = "recording"
    chunk_id: str
    filename: str
    blob: str
    is_last_blob: bool
    is_processed: bool = False


class StoredTranscript(Record):
    """A session's transcript. Both texts are envelopes; `manifest` is what it was made from."""

    kind: str = "transcript"
    date: str
    manifest: str
    chunks: int = 0
    """How many chunks that manifest holds: the row made from more of them is the newer one."""
    version: int = 1
    transcript: str = Field(repr=False)
    transcript_summary: str = Field(repr=False)
    words_blob: str


class StoredHistory(Record):
    """The encrypted record of a session's note: as text to read, and as the structured note with its evidence."""

    kind: str = "history"
    date: str
    manifest: str
    version: int = 1
    transcript_summary: str = Field(repr=False)
    note: str = Field(repr=False)
