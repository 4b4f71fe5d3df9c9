"""Start a failed session again, because a person asked for it."""

from __future__ import annotations

from shared.domain.errors import Conflict
from shared.domain.session import Session, State
from shared.ports import BlobStore, Clock, Queues
from shared.services import transcribe_session, write_note
from shared.services.claims import Claims
from shared.services.ledger import Ledger
from shared.services.seal_session import raise_again


async def retry_session(
    session_id: str,
    *,
    ledger: Ledger,
    claims: Claims,
    blobs: BlobStore,
    queues: Queues,
    clock: Clock,
    heard_before: bool = False,
) -> Session:
    """Take up a failed session at the stage that failed; the attempt history stays.

    `heard_before` says that this request may have been carried out already: then a session that goes on is its outcome.
    Raises: NotFound; Conflict (`not_failed`) for a session that has not failed.
    """
    session = await ledger.get(session_id)
    if heard_before and session.state is not State.FAILED:
        return session  # what is missing between the state and its event, the sweeper makes good
    if session.state is not State.FAILED or session.manifest is None:
        raise Conflict(f"session {session_id} is {session.state}: only a failed one can be retried", code="not_failed")
    digest, at_note = session.manifest, bool(session.failures) and session.failures[-1].stage == "note"
    await claims.forget(session_id, (write_note if at_note else transcribe_session).work_of(digest))
    await ledger.list_as_open(session_id)
    state = State.TRANSCRIBED if at_note else State.SEALED
    again = await ledger.advance(session_id, digest, state, attempts=0)
    if again is None:
        return await ledger.get(session_id)
    if at_note:
        await transcribe_session.ask_for_note(session_id, digest, queues)
    else:
        await raise_again(again, ledger=ledger, blobs=blobs, clock=clock)
    return again
