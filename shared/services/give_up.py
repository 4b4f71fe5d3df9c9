"""What a poison queue means: a stage failed as often as the host would try it."""

from __future__ import annotations

import logging

from shared.domain.limits import Limits
from shared.ports import Clock
from shared.services.claims import Claims, ClaimState
from shared.services.end_processing import Endings
from shared.services.failures import exhausted, last_failure
from shared.services.ledger import Ledger
from shared.services.stages import Stage, work_of

log = logging.getLogger(__name__)


async def give_up(
    session_id: str,
    digest: str | None,
    *,
    stage: Stage,
    ledger: Ledger,
    claims: Claims,
    endings: Endings,
    clock: Clock,
    limits: Limits,
) -> None:
    """Mark the session failed, with the reason of its last try.

    Left alone: a session that a newer manifest, a live worker or an earlier run has taken care of, and, as long as the
    sweeper has tries left, one whose last failure was a dependency's, or that has none on record: where failures are
    written down may have been what was away. An unknown session is one that was erased.
    """
    session = await ledger.find(session_id)
    if session is None or session.manifest != digest or session.state.final:
        return
    if await claims.state(session_id, work_of(session, stage)) is not ClaimState.FREE:
        return
    last = last_failure(session, stage)
    if (last is None or last.transient) and session.attempts < limits.max_attempts:
        if last is None:  # counted, so that a defect before the first line of history comes to an end
            await ledger.change(
                session_id, lambda now: {"attempts": now.attempts + 1} if now.manifest == digest else None
            )
        code = last.code if last is not None else "nothing on record"
        log.warning("session %s: %s keeps failing with %s; the sweeper goes on", session_id, stage, code)
        return
    failure = exhausted(session, stage, unknown="internal_error", clock=clock)
    failed = await ledger.fail(session_id, digest, failure, final=True)
    if failed is not None:
        await endings.settle(failed)
    log.error("session %s: %s given up (%s)", session_id, stage, failure.code)
