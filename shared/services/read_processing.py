"""A processing session as its partner sees it: where it stands, and what has come of it so far."""

from __future__ import annotations

from dataclasses import dataclass

from shared.domain.caller import Caller, may_reach
from shared.domain.errors import Conflict, NotFound
from shared.domain.note import Note, SessionType
from shared.domain.records import StoredHistory
from shared.domain.session import Session, State
from shared.domain.transcript import Transcript
from shared.ports import Queues
from shared.services.histories import Histories
from shared.services.ledger import Ledger
from shared.services.transcribe_session import ask_for_note
from shared.services.transcripts import Transcripts


@dataclass(frozen=True)
class Processed:
    """A session with what there is of it; `version` is the note's."""

    session: Session
    transcript: Transcript | None = None
    note: Note | None = None
    version: int | None = None


class ProcessingReader:
    """Reads processing sessions, decrypted: their partner has no keys."""

    def __init__(self, ledger: Ledger, transcripts: Transcripts, histories: Histories) -> None:
        self._ledger = ledger
        self._transcripts = transcripts
        self._histories = histories

    async def reach(self, caller: Caller, processing_id: str) -> Session:
        """The session, if it is one of the caller's. Raises: NotFound (`processing_session_not_found`)."""
        session = await self._ledger.find(processing_id)
        if session is None or session.partner is None or not may_reach(caller, session):
            raise NotFound(f"no processing session {processing_id}", code="processing_session_not_found")
        return session

    async def get(
        self, caller: Caller, processing_id: str, session_type: SessionType | None = None, version: int | None = None
    ) -> Processed:
        """With the note in a format, its own if none is said, and a version of it, the newest if none is said.

        Raises: NotFound (`note_not_found` for a format or version that was never written).
        """
        session = await self.reach(caller, processing_id)
        stored = await self._transcripts.of(session)
        words = await self._transcripts.words(stored) if stored is not None and not stored.deleted else None
        history = await self._history(session, session_type, version)
        if history is None:
            return Processed(session, words)
        return Processed(session, words, await self._histories.note(history), history.version)

    async def notes(self, caller: Caller, processing_id: str) -> list[StoredHistory]:
        """Every version of every note, in order of writing. Raises: NotFound."""
        return await self._histories.all_of(await self.reach(caller, processing_id))

    async def _history(
        self, session: Session, session_type: SessionType | None, version: int | None
    ) -> StoredHistory | None:
        wanted = session_type or session.session_type
        if wanted not in session.wanted:
            raise _no_note(session, wanted, version)
        newest = await self._histories.of(session, wanted)
        if newest is not None and newest.deleted:
            newest = None
        if version is None or (newest is not None and newest.version == version):
            return newest
        for row in await self._histories.all_of(session):
            if (row.session_type, row.version) == (wanted, version):
                return row
        raise _no_note(session, wanted, version)


async def ask_for_another_note(
    session: Session, session_type: SessionType, *, ledger: Ledger, queues: Queues
) -> Session:
    """Have a note written in this format from the transcript that stands; one there is already is written anew.

    Raises: Conflict (`not_ready`) before the session has ended with a transcript.
    """
    if session.state is not State.DONE or session.manifest is None:
        raise Conflict(
            f"processing session {session.session_id} is not done: ask for more notes once it is", code="not_ready"
        )
    edition = session.edition + 1
    wanted = await ledger.want(session.session_id, session.manifest, edition, session_type)
    if wanted is not None:
        await ask_for_note(session.session_id, session.manifest, queues)
    return wanted or await ledger.get(session.session_id)


def _no_note(session: Session, session_type: SessionType, version: int | None) -> NotFound:
    which = f" in version {version}" if version is not None else ""
    return NotFound(f"processing session {session.session_id} has no {session_type} note{which}", code="note_not_found")
