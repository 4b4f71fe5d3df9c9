"""Start a failed session again, because a person asked for it."""

from __future__ import annotations

from shared.domain.errors import Conflict
from shared.domain.session import Door, Session, State
from shared.ports import BlobStore, Clock, Queues
from shared.services.claims import Claims
from shared.services.fetch_recording import ask_for_recording
from shared.services.ledger import Ledger
from shared.services.seal_session import raise_again
from shared.services.stages import Stage, work_of
from shared.services.transcribe_session import ask_for_note

_STATES = {Stage.FETCH: State.RECEIVING, Stage.TRANSCRIBE: State.SEALED, Stage.NOTE: State.TRANSCRIBED}


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
    if session.state is not State.FAILED:
        raise Conflict(f"session {session_id} is {session.state}: only a failed one can be retried", code="not_failed")
    stage = _failed_stage(session)
    await claims.forget(session_id, work_of(session, stage))
    await ledger.list_as_open(session_id)
    fields = {"attempts": 0, "retries": session.retries + 1}
    again = await ledger.advance(session_id, session.manifest, _STATES[stage], **fields)
    if again is None:
        return await ledger.get(session_id)
    if stage is Stage.FETCH:
        await ask_for_recording(session_id, queues)
    elif stage is Stage.NOTE:
        assert session.manifest is not None
        await ask_for_note(session_id, session.manifest, queues)
    else:
        await raise_again(again, ledger=ledger, blobs=blobs, clock=clock)
    return again


def _failed_stage(session: Session) -> Stage:
    """What is not sealed has failed at its recording; what came with its transcript can only fail at its note."""
    if session.manifest is None:
        return Stage.FETCH
    last = session.failures[-1].stage if session.failures else None
    return Stage.NOTE if session.door is Door.TRANSCRIPT or last == Stage.NOTE else Stage.TRANSCRIBE
