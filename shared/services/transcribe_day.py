"""What was said to a client on one day: a text for each session, those not transcribed yet started and waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from shared.domain.caller import Caller, may_reach, require_write
from shared.domain.errors import NotFound
from shared.domain.records import Recording
from shared.domain.relationship import Relationship
from shared.domain.session import Failure, Session, State
from shared.ports import BlobStore, Clock
from shared.services.ledger import Ledger
from shared.services.read_records import RecordReader
from shared.services.relationships import Relationships, unknown_relationship
from shared.services.seal_session import finalize
from shared.services.transcripts import Transcripts

POLL_SECONDS = 1.0
PAGE = 1000
_TRANSCRIBED = frozenset({State.TRANSCRIBED, State.WRITING, State.DONE})

Pause = Callable[[float], Awaitable[None]]


@dataclass(frozen=True)
class Day:
    """Texts, one line a session, oldest first, and the ids of the sessions that have none."""

    texts: list[str]
    pending: list[str]
    failed: dict[str, Failure]


async def transcribe_day(
    caller: Caller,
    *,
    therapist_userid: str,
    relationship_id: str,
    day: date,
    wait: timedelta,
    relationships: Relationships,
    reader: RecordReader,
    ledger: Ledger,
    transcripts: Transcripts,
    blobs: BlobStore,
    clock: Clock,
    pause: Pause = asyncio.sleep,
) -> Day:
    """The transcripts of the sessions in a day's folder (UTC, the day of a session's first chunk).

    What is transcribed already is not transcribed again; an edited transcript is given as edited. A session that
    still receives is sealed with what is here, as `finalize` does; a chunk that comes later runs it again. Silent
    sessions and those whose transcript was deleted have no text. One that failed is named, with its reason, and
    does not hide the others: it can be retried.
    Raises: NotFound (`relationship_not_found`, `audio_not_found`), Forbidden, StoreUnavailable.
    """
    relationship = await relationships.reach(caller, relationship_id)
    if relationship.therapist_userid != therapist_userid:
        raise unknown_relationship(relationship_id)
    require_write(caller, relationship)
    found = await asyncio.gather(*(ledger.find(key) for key in await _sessions_of(caller, relationship, day, reader)))
    reached = [session for session in found if session is not None and may_reach(caller, session)]
    sessions = sorted(reached, key=lambda session: session.created)
    if not sessions:
        raise NotFound(f"no audio of {relationship_id} on {day}", code="audio_not_found")
    for session in sessions:
        if session.state is State.RECEIVING:
            await finalize(session.session_id, ledger=ledger, blobs=blobs, clock=clock)
    sessions = await _waited_for(sessions, clock.now() + wait, ledger, clock, pause)
    return Day(
        texts=[text for session in sessions if (text := await _text(session, transcripts))],
        pending=[session.session_id for session in sessions if _open(session)],
        failed={session.session_id: session.failures[-1] for session in sessions if _failed(session)},
    )


async def _sessions_of(caller: Caller, relationship: Relationship, day: date, reader: RecordReader) -> set[str]:
    """Ids of the sessions whose chunks lie in the day's folder, found by their rows, newest first.

    No chunk of a session is older than its folder, so whatever is older than the day ends the search.
    """
    folder = f"{relationship.therapist_userid}/{relationship.id}/{day.isoformat()}/"
    found: set[str] = set()
    continuation = None
    while True:
        page = await reader.page(caller, Recording, relationship=relationship.id, limit=PAGE, continuation=continuation)
        found |= {row.session_id for row in page.rows if row.blob.startswith(folder)}
        continuation = page.continuation
        if continuation is None or (page.rows and page.rows[-1].created < day.isoformat()):
            return found


async def _waited_for(
    sessions: Sequence[Session], deadline: datetime, ledger: Ledger, clock: Clock, pause: Pause
) -> list[Session]:
    """As they stand once none is open any more, or at the deadline."""
    sessions = [await ledger.get(session.session_id) for session in sessions]
    while any(_open(session) for session in sessions) and clock.now() < deadline:
        await pause(POLL_SECONDS)
        sessions = [await ledger.get(each.session_id) if _open(each) else each for each in sessions]
    return sessions


async def _text(session: Session, transcripts: Transcripts) -> str | None:
    """Who said what, on one line; None without a transcript to show."""
    if _open(session) or _failed(session) or session.state is State.SKIPPED:
        return None
    stored = await transcripts.of(session)
    if stored is None or stored.deleted:
        return None
    return " ".join((await transcripts.text(stored)).split())


def _open(session: Session) -> bool:
    return not (session.state in _TRANSCRIBED or session.state.final)


def _failed(session: Session) -> bool:
    """Whether there is no transcript for a reason; one whose note failed has its transcript."""
    return session.state is State.FAILED and session.failures[-1].stage != "note"
