"""From a stored transcript to the clinical notes that are wanted of it, in the client's encrypted history."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass

from shared.domain.errors import Permanent
from shared.domain.note import GoalTouched, SessionType, render_markdown
from shared.domain.records import StoredHistory, StoredTranscript
from shared.domain.session import Session, State
from shared.domain.transcript import Transcript
from shared.notes.people import identify
from shared.notes.safeguard import safeguarded
from shared.ports import Clock, NoteEngine, NoteRequest
from shared.services.claims import Claims
from shared.services.end_processing import Endings
from shared.services.failures import recording_failures
from shared.services.histories import Histories
from shared.services.instructions import Instructions
from shared.services.ledger import Ledger
from shared.services.processing_requests import ProcessingRequests
from shared.services.stages import Stage, writing
from shared.services.transcripts import Transcripts
from shared.services.who_spoke import Voices, voices_of

log = logging.getLogger(__name__)


async def write_note(
    session_id: str,
    digest: str,
    *,
    ledger: Ledger,
    claims: Claims,
    transcripts: Transcripts,
    histories: Histories,
    requests: ProcessingRequests,
    instructions: Instructions,
    notes: NoteEngine,
    endings: Endings,
    clock: Clock,
) -> None:
    """Write what is wanted of the transcript made from manifest `digest`; store it and end the session.

    May be called any number of times. The transcript, and notes written before, stand whatever happens here.
    Raises: Transient errors, after which the call is to be repeated.
    """
    known = await ledger.find(session_id)
    if known is None:
        log.info("session %s: erased, so there is nothing to write about", session_id)
        return
    claim = await claims.take(session_id, writing(digest, known.edition))
    if claim is None:
        log.info("session %s: the note of %s is done or under way", session_id, digest)
        return
    async with (
        recording_failures(session_id, digest, Stage.NOTE, ledger=ledger, endings=endings, clock=clock),
        claims.working(claim),
    ):
        attempts = (await ledger.get(session_id)).attempts + 1
        session = await ledger.advance(session_id, digest, State.WRITING, attempts=attempts)
        if session is None:
            await endings.settle(known)  # written by a worker that came no further
        else:
            writer = _Writer(ledger, transcripts, histories, requests, instructions, notes)
            done = await writer.write(session, digest)
            if done is not None:
                await endings.settle(done)
        await claim.complete()


@dataclass(frozen=True)
class _Material:
    """What all notes of a session are written from."""

    stored: StoredTranscript
    words: Transcript
    voices: Voices
    plan: str | None


class _Writer:
    """The work itself, once it is claimed."""

    def __init__(
        self,
        ledger: Ledger,
        transcripts: Transcripts,
        histories: Histories,
        requests: ProcessingRequests,
        instructions: Instructions,
        notes: NoteEngine,
    ) -> None:
        self._ledger = ledger
        self._transcripts = transcripts
        self._histories = histories
        self._requests = requests
        self._instructions = instructions
        self._notes = notes

    async def write(self, session: Session, digest: str) -> Session | None:
        """Every note that is wanted and not there yet; None when that is no longer for this worker to say."""
        began = time.monotonic()
        stored = await self._transcripts.of(session)
        if stored is None:
            raise Permanent("the transcript that came with the request was never stored", code="request_incomplete")
        if stored.manifest != digest:
            return None  # a newer transcript has come in between, and with it another message
        words, asked = await self._transcripts.words(stored), await self._requests.read(session)
        voices = voices_of(words, asked.brief if asked is not None else None, session.participants_type)
        material = _Material(stored, words, voices, asked.plan if asked is not None else None)
        for session_type, edition in session.wanted.items():
            history = await self._one(session, material, session_type, edition)
            if history is None:
                return None  # the newer transcript came while this note was being written
            log.info("session %s: history %d stands", session.session_id, history.number)
        first = await self._histories.of(session)
        assert first is not None
        timings = {**session.timings, "note_ms": round((time.monotonic() - began) * 1000)}
        return await self._ledger.finish(session, history_id=first.number, timings=timings)

    async def _one(
        self, session: Session, material: _Material, session_type: SessionType, edition: int
    ) -> StoredHistory | None:
        stored, voices = material.stored, material.voices
        old = await self._histories.of(session, session_type)
        if old is not None and old.manifest == stored.manifest and old.edition >= edition:
            return old
        request = NoteRequest(
            material.words,
            session_type,
            session.participants_type,
            roles=voices.roles,
            people=voices.people,
            identities=voices.identities,
            plan=material.plan,
            instructions=await self._instructions.for_note(session_type, session.therapist_userid),
        )
        note = safeguarded(await self._notes.write(request), request)
        speakers = identify(material.words, voices.people, voices.identities, voices.roles, session.participants_type)
        note = note.model_copy(update={"speakers": speakers})
        if material.plan is None:
            note = note.model_copy(update={"goals": await self._goals(session, stored.manifest)})
        segments = {segment.id: segment for segment in material.words.segments}
        text = render_markdown(note, segments, material.words.names)
        return await self._histories.save(session, stored, note, text, edition)

    async def _goals(self, session: Session, digest: str) -> tuple[GoalTouched, ...]:
        """Found when the plan was here: it is gone since, and the same words speak to the same goals."""
        first = await self._histories.of(session)
        if first is None or first.manifest != digest or session.partner is None:
            return ()
        return (await self._histories.note(first)).goals
