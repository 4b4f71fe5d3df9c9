"""From a stored transcript to the clinical note in the client's encrypted history."""

from __future__ import annotations

import logging
import time

from shared.domain.note import render_markdown
from shared.domain.session import Session, State
from shared.notes.safeguard import safeguarded
from shared.ports import Clock, NoteEngine, NoteRequest
from shared.services.claims import Claims
from shared.services.failures import recording_failures
from shared.services.ledger import Ledger
from shared.services.records import Records

log = logging.getLogger(__name__)


async def write_note(
    session_id: str,
    digest: str,
    *,
    ledger: Ledger,
    claims: Claims,
    records: Records,
    notes: NoteEngine,
    clock: Clock,
) -> None:
    """Write the note of the transcript made from manifest `digest`; store it and end the session.

    May be called any number of times. The transcript stands whatever happens here.
    Raises: Transient errors, after which the call is to be repeated.
    """
    if await ledger.find(session_id) is None:
        log.info("session %s: erased, so there is nothing to write about", session_id)
        return
    claim = await claims.take(session_id, work_of(digest))
    if claim is None:
        log.info("session %s: the note of %s is done or under way", session_id, digest)
        return
    async with (
        recording_failures(session_id, digest, "note", ledger=ledger, clock=clock),
        claims.working(claim),
    ):
        attempts = (await ledger.get(session_id)).attempts + 1
        session = await ledger.advance(session_id, digest, State.WRITING, attempts=attempts)
        if session is not None:
            await _write(session, digest, ledger, records, notes)
        await claim.complete()


def work_of(digest: str) -> str:
    """The name of the claim on writing the note of a manifest's transcript."""
    return f"note:{digest}"


async def _write(session: Session, digest: str, ledger: Ledger, records: Records, notes: NoteEngine) -> None:
    began = time.monotonic()
    stored = await records.transcript(session)
    if stored is None or stored.manifest != digest:
        return  # a newer transcript has come in between, and with it another message
    transcript = await records.words(stored)
    request = NoteRequest(transcript, session.session_type, session.participants_type)
    note = safeguarded(await notes.write(request), request)
    text = render_markdown(note, {segment.id: segment for segment in transcript.segments})
    history = await records.save_note(session, stored, note, text)
    if history is None:
        return  # the newer transcript came while this note was being written
    timings = {**session.timings, "note_ms": round((time.monotonic() - began) * 1000)}
    await ledger.advance(session.session_id, digest, State.DONE, history_id=history.number, timings=timings)
    log.info("session %s: history %d stored", session.session_id, history.number)
