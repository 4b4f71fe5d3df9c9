"""The rows of the records container: one kind for each kind of record the API speaks of."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from shared.domain.model import Model
from shared.domain.note import SessionType

WireId = int | str | None


def wire_id(value: str | None) -> WireId:
    """An id as the API shows it: a number when it is all digits, else the string given."""
    return int(value) if value is not None and value.isascii() and value.isdigit() else value


def pointer_id(kind: str, number: int) -> str:
    """The directory item that leads from a wire id to its row."""
    return f"{kind}:{number}"


class Record(Model):
    """What every row has. `number` is the id on the wire; `id` is our own, deterministic key."""

    KIND: ClassVar[str]
    RESOURCE: ClassVar[str]
    """The API's word: in paths, and in the associated data of envelopes."""
    TEXTS: ClassVar[frozenset[str]] = frozenset()
    """Fields that hold envelopes."""

    id: str
    therapist_client_id: str
    kind: str
    number: int
    session_id: str
    therapist_userid: str
    client_userid: str | None = None
    therapist_session_id: int | None = None
    partner: str | None = None
    created: str
    updated: str
    deleted: bool = False
    deleted_at: str | None = None

    @property
    def relationship_id(self) -> str:
        """Whose it is."""
        return self.therapist_client_id

    @property
    def resource(self) -> str:
        """See Resource.resource."""
        return f"{self.kind}:{self.number}"


class Recording(Record):
    """The stored row of one chunk."""

    KIND = "recording"
    RESOURCE = "recordings"

    kind: str = KIND
    chunk_id: str
    filename: str | None
    blob: str
    is_last_blob: bool | None
    is_processed: bool | None = False


class StoredTranscript(Record):
    """A session's transcript. Both texts are envelopes; `manifest` is what it was made from."""

    KIND = "transcript"
    RESOURCE = "transcripts"
    TEXTS = frozenset({"transcript", "transcript_summary"})

    kind: str = KIND
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

    KIND = "history"
    RESOURCE = "histories"
    TEXTS = frozenset({"transcript_summary"})

    kind: str = KIND
    date: str
    manifest: str
    version: int = 1
    session_type: SessionType = SessionType.STANDARD
    edition: int = 0
    """Which of the editions asked for it is."""
    transcript_summary: str = Field(repr=False)
    note: str = Field(repr=False)
