"""What the use cases need from the outside world.

Every adapter keeps these contracts, and so does its in-memory twin: one contract suite runs over both.
Unless said otherwise each call may raise StoreUnavailable (or EngineUnavailable for an engine), after which
the same call may be repeated safely.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from shared.domain.document import DocumentAnalysis, DocumentKind
from shared.domain.note import Note, ParticipantsType, SessionType
from shared.domain.transcript import Transcript

JsonObject = dict[str, Any]


class Clock(Protocol):
    """The time, as an argument, so that midnight and expiry can be tested."""

    def now(self) -> datetime:
        """The current time, timezone-aware, UTC."""
        ...


# ---- blobs -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class BlobInfo:
    """What a store knows of a blob without reading it. `size` is in bytes."""

    name: str
    size: int
    etag: str
    content_type: str
    metadata: Mapping[str, str] = field(default_factory=dict)


class BlobStore(Protocol):
    """Named bytes in containers. Containers are made on first use."""

    async def create(
        self, container: str, name: str, body: bytes | BinaryIO, *, content_type: str, metadata: Mapping[str, str]
    ) -> None:
        """Write a blob that must not exist yet; nobody ever sees half of it, nor a mix of two writers.

        A file is read from its current position in bounded pieces. Raises: AlreadyExists.
        """
        ...

    async def put(
        self, container: str, name: str, body: bytes | BinaryIO, *, content_type: str, metadata: Mapping[str, str]
    ) -> None:
        """Write a blob, replacing what was there (and raising its event again)."""
        ...

    async def info(self, container: str, name: str) -> BlobInfo | None:
        """Size, type and metadata; None when there is no such blob."""
        ...

    async def read(self, container: str, name: str) -> bytes:
        """All bytes of a small blob. Raises: NotFound."""
        ...

    def stream(self, container: str, name: str, *, start: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        """The bytes from `start`, in pieces of a few MiB at most. Raises: NotFound, on the first piece."""
        ...

    async def delete(self, container: str, name: str) -> None:
        """Remove a blob; removing what is not there is fine."""
        ...

    def list(self, container: str, prefix: str) -> AsyncIterator[BlobInfo]:
        """Blobs whose name starts with `prefix`, in order of name."""
        ...


# ---- queues ----------------------------------------------------------------------------------------------------


class Queues(Protocol):
    """Messages that start background work. They carry ids, never content."""

    async def send(self, queue: str, message: Mapping[str, str], *, delay_s: int = 0) -> None:
        """Add a JSON message, visible after `delay_s` seconds."""
        ...


# ---- items -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Item:
    """A stored JSON object and the etag of the version that was read or written."""

    body: JsonObject
    etag: str


@dataclass(frozen=True)
class Create:
    """Batch step: the item must not exist (AlreadyExists)."""

    body: JsonObject


@dataclass(frozen=True)
class Upsert:
    """Batch step: create or replace."""

    body: JsonObject


@dataclass(frozen=True)
class Replace:
    """Batch step: the item must exist (NotFound) and be the version read (PreconditionFailed)."""

    body: JsonObject
    etag: str | None = None


@dataclass(frozen=True)
class Change:
    """One step of a patch: `op` is `set`, `incr` or `remove`; `path` is a JSON pointer such as `/present/i3`."""

    op: str
    path: str
    value: Any = None


@dataclass(frozen=True)
class Patch:
    """Batch step: change parts of an item that must exist (NotFound) and be the version read (PreconditionFailed)."""

    id: str
    changes: Sequence[Change]
    etag: str | None = None


@dataclass(frozen=True)
class Delete:
    """Batch step: the item must exist (NotFound)."""

    id: str
    etag: str | None = None


Step = Create | Upsert | Replace | Patch | Delete


@dataclass(frozen=True)
class Page:
    """One page of a query; `continuation` asks for the next, None at the end."""

    items: Sequence[Item]
    continuation: str | None


class ItemStore(Protocol):
    """JSON items in containers, each in a partition, with optimistic concurrency.

    Every body holds `id` and the container's partition key property. Writes are atomic per call; a batch is
    atomic as a whole, in one partition, at most 100 steps. A patch holds at most 10 changes.
    """

    async def read(self, container: str, partition: str, item_id: str) -> Item | None:
        """A point read; None when absent."""
        ...

    async def create(self, container: str, partition: str, body: JsonObject) -> Item:
        """Raises: AlreadyExists."""
        ...

    async def upsert(self, container: str, partition: str, body: JsonObject) -> Item:
        """Create or replace."""
        ...

    async def replace(self, container: str, partition: str, body: JsonObject, *, etag: str | None = None) -> Item:
        """Raises: NotFound; PreconditionFailed when `etag` is given and the item has changed."""
        ...

    async def patch(
        self, container: str, partition: str, item_id: str, changes: Sequence[Change], *, etag: str | None = None
    ) -> Item:
        """Apply all changes and give back the item as it stands then. Raises: NotFound, PreconditionFailed."""
        ...

    async def delete(self, container: str, partition: str, item_id: str, *, etag: str | None = None) -> None:
        """Raises: NotFound, PreconditionFailed."""
        ...

    async def batch(self, container: str, partition: str, steps: Sequence[Step]) -> Sequence[Item | None]:
        """All steps or none. Gives each step's item (None for a delete).

        Raises: the error of the first step that failed (AlreadyExists, NotFound, PreconditionFailed).
        """
        ...

    async def query(
        self,
        container: str,
        partition: str,
        *,
        equal: Mapping[str, Any],
        order_by: str | None = None,
        descending: bool = False,
        limit: int = 100,
        continuation: str | None = None,
    ) -> Page:
        """Items of one partition whose top-level fields equal the given values, at most `limit` a page.

        Raises: InvalidInput (`invalid_continuation`) for a continuation that is not ours.
        """
        ...


# ---- keys ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class WrappedKey:
    """A data key under a key-encryption key. `kek_id` names the version that wrapped it."""

    kek_id: str
    wrapped: bytes


class KeyEncryptionKey(Protocol):
    """Wraps data keys; the key itself never leaves its vault (or its file, on a laptop)."""

    async def wrap(self, key: bytes) -> WrappedKey:
        """Wrap 32 bytes under the current version."""
        ...

    async def unwrap(self, wrapped: WrappedKey) -> bytes:
        """Unwrap under the version that wrapped it. Raises: DecryptionFailed."""
        ...


# ---- engines ---------------------------------------------------------------------------------------------------

Progress = Callable[[int], None]
"""Told how many milliseconds of audio are finished; called from any thread."""


class SpeechEngine(Protocol):
    """Speech to text with speakers told apart."""

    @property
    def name(self) -> str:
        """What the transcript's `engine` says, with its model."""
        ...

    async def transcribe(
        self,
        audio: Path,
        *,
        locale: str,
        speakers_hint: int | None = None,
        phrases: Sequence[str] = (),
        progress: Progress | None = None,
    ) -> Transcript:
        """Transcribe 16 kHz mono FLAC.

        Segments come in order of time with ids unique in the transcript; speakers are `Speaker 1`, `Speaker 2`, …
        in order of first word. Silence gives a transcript without segments, never invented text. If telling
        speakers apart fails, the text comes with one speaker.
        Raises: EngineUnavailable, EngineRefused.
        """
        ...


@dataclass(frozen=True)
class NoteRequest:
    """What a note is written from."""

    transcript: Transcript
    session_type: SessionType = SessionType.STANDARD
    participants_type: ParticipantsType = ParticipantsType.INDIVIDUAL
    roles: Mapping[str, str] = field(default_factory=dict)
    """Speaker label to `therapist` or `client`, where known."""


class NoteEngine(Protocol):
    """Writes a note that says only what was said."""

    @property
    def name(self) -> str:
        """What the note's `engine` says."""
        ...

    async def write(self, request: NoteRequest) -> Note:
        """Sections in the template's order; each statement's evidence exists in the transcript.

        Raises: EngineUnavailable, EngineRefused.
        """
        ...


class DocumentEngine(Protocol):
    """Reads documents."""

    async def analyse(self, file: Path, kind: DocumentKind) -> DocumentAnalysis:
        """Text in reading order, columns one after the other, and tables; `pages` is how many the file has.

        A document is read whole or refused: never its first pages only.
        Raises: EngineUnavailable; EngineRefused with the code `document_encrypted`, `document_unreadable`,
        `document_empty` (no pages) or `document_too_complex`.
        """
        ...
