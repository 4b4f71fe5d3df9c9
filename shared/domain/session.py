"""One consultation, what has arrived of it, and when it is complete."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

from pydantic import Field

from shared.domain.model import Model
from shared.domain.note import ParticipantsType, SessionType

MAX_NUMBERED = 100_000
"""File numbers above this are timestamps or the like: good for ordering, useless for counting."""


class State(StrEnum):
    """Where a session stands. The last three are final until a late chunk or a retry."""

    RECEIVING = "receiving"
    SEALED = "sealed"
    TRANSCRIBING = "transcribing"
    TRANSCRIBED = "transcribed"
    WRITING = "writing"
    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"

    @property
    def final(self) -> bool:
        """Whether nothing more happens by itself."""
        return self in {State.DONE, State.SKIPPED, State.FAILED}


class Door(StrEnum):
    """How a session's words come in."""

    CHUNKS = "chunks"
    RECORDING_URL = "recording_url"
    TRANSCRIPT = "transcript"


class ChunkMark(Model):
    """One line of the ledger: enough to order the chunks and to know what is missing."""

    index: int | None = None
    number: int | None = None
    """The trailing number of the client's file name."""
    last: bool = False
    arrival: int = 0
    """Milliseconds from the session's creation to its acceptance."""


class Failure(Model):
    """Why an attempt failed: ids and numbers only."""

    code: str
    stage: str
    message: str
    at: datetime
    transient: bool = False
    """Whether the same work may succeed later."""


class SessionGap(Model):
    """A chunk whose audio is not in the transcript."""

    chunk: str
    reason: str
    start_ms: int | None = None
    end_ms: int | None = None


class Session(Model):
    """The session item: the whole ledger in one read."""

    session_id: str
    therapist_userid: str
    therapist_clientid: str
    client_userid: str | None = None
    therapist_session_id: int | None = None
    date: str
    """`YYYY-MM-DD` (UTC) of the first chunk: the folder of all of them."""
    created: datetime
    updated: datetime
    state: State = State.RECEIVING
    received: int = 0
    present: dict[str, ChunkMark] = Field(default_factory=dict)
    total: int | None = None
    """How many chunks the client announced."""
    manifest: str | None = None
    """Digest of the newest manifest."""
    sealed_chunks: int = 0
    """How many chunks that manifest holds: more received means more to seal."""
    settled: bool = False
    """Nothing came for a while: file numbers far above the count of chunks are no places among missing ones."""
    finalized: bool = False
    """Someone asked for it to be sealed with gaps, or the gap timeout did."""
    gaps: tuple[SessionGap, ...] = ()
    duration_ms: int | None = None
    attempts: int = 0
    """How often the current stage was started."""
    failures: tuple[Failure, ...] = ()
    transcript_id: int | None = None
    history_id: int | None = None
    session_type: SessionType = SessionType.STANDARD
    participants_type: ParticipantsType = ParticipantsType.INDIVIDUAL
    timings: dict[str, int] = Field(default_factory=dict)
    """Milliseconds spent in each stage of the newest run."""
    door: Door = Door.CHUNKS
    partner: str | None = None
    """Who asked for it to be processed, and is told when that has ended."""
    upload: str | None = None
    """The blob a partner has uploaded the recording to; None where it comes from elsewhere."""
    editions: dict[SessionType, int] = Field(default_factory=dict)
    """Of notes that were asked for again, or beside the first: which edition of each is wanted."""
    retries: int = 0
    """How often a person has had it taken up again."""
    announced: str | None = None
    """The end that was announced last."""

    @property
    def wanted(self) -> dict[SessionType, int]:
        """The notes this session is to have, each with its edition; the first one counts from 0."""
        return {self.session_type: 0, **self.editions}

    @property
    def edition(self) -> int:
        """The newest that is wanted of any note: it names the work of writing them."""
        return max(self.wanted.values())

    @property
    def relationship_id(self) -> str:
        """Whose it is."""
        return self.therapist_clientid

    @property
    def resource(self) -> str:
        """See Resource.resource."""
        return f"session:{self.session_id}"


class StoredChunk(Model):
    """The chunk item: where a chunk's bytes are and what they must be."""

    chunk_id: str
    blob: str
    filename: str
    """As stored, with its suffix."""
    given_name: str
    """As the client named it, made safe."""
    sha256: str
    size: int
    mark: ChunkMark
    recording_id: int
    received_at: datetime


class Order(Model):
    """The chunks in order of recording. `missing` holds the positions known to be absent."""

    by: str
    """`index`, `number` or `arrival`."""
    chunk_ids: tuple[str | None, ...]
    """One for each position; None where a chunk is missing."""
    positions: tuple[int, ...]
    missing: tuple[int, ...] = ()
    complete: bool = False


def order_of(session: Session) -> Order:
    """The session's chunks in order, as far as they are here."""
    return order_chunks(session.present, session.total, settled=session.settled or session.finalized)


def order_chunks(present: dict[str, ChunkMark], total: int | None = None, *, settled: bool = False) -> Order:
    """Order by index if every chunk has one, else by the file names' trailing numbers, else by arrival.

    File numbering starts at 0 or 1. Order is complete when the chunk marked last (or the announced total) is
    here and nothing before it is missing; order by arrival knows no missing chunks, so there the mark is all.

    `recording 12.m4a`, marked last, may be the end of a session whose other chunks are still under way, or all of
    it. Once the session is `settled`, numbers that begin above the count of chunks plus one are taken to begin there.
    """
    marks = list(present.items())
    if marks and all(mark.index is not None for _, mark in marks):
        return _counted("index", {mark.index or 0: key for key, mark in marks}, 0, _last(marks, "index"), total)
    numbers = {mark.number: key for key, mark in marks if mark.number is not None}
    if marks and len(numbers) == len(marks):
        numbered = {number: key for number, key in numbers.items() if number is not None}
        if max(numbered) <= MAX_NUMBERED:
            lowest = min(numbered)
            first = lowest if lowest == 0 or (settled and lowest > len(numbered) + 1) else 1
            return _counted("number", numbered, first, _last(marks, "number"), total)
        return _uncounted("number", [numbered[number] for number in sorted(numbered)], marks, total)
    return _uncounted("arrival", [key for key, _ in sorted(marks, key=lambda item: item[1].arrival)], marks, total)


def _last(marks: Iterable[tuple[str, ChunkMark]], field: str) -> int | None:
    return max((getattr(mark, field) for _, mark in marks if mark.last), default=None)


def _counted(by: str, keys: dict[int, str], first: int, last: int | None, total: int | None) -> Order:
    ends = [end for end in (last, first + total - 1 if total else None) if end is not None]
    positions = tuple(range(first, max([*ends, *keys]) + 1))
    missing = tuple(position for position in positions if position not in keys)
    return Order(
        by=by,
        chunk_ids=tuple(keys.get(position) for position in positions),
        positions=positions,
        missing=missing,
        complete=bool(ends) and not missing,
    )


def _uncounted(by: str, keys: list[str], marks: list[tuple[str, ChunkMark]], total: int | None) -> Order:
    return Order(
        by=by,
        chunk_ids=tuple(keys),
        positions=tuple(range(len(keys))),
        complete=len(keys) >= total if total else any(mark.last for _, mark in marks),
    )
