"""How a stage of the pipeline fails: for good, or until the next try."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from shared.domain.errors import ClaimLost, Permanent, ScribeError, Transient
from shared.domain.session import Failure, Session
from shared.ports import Clock
from shared.services.end_processing import Endings
from shared.services.ledger import Ledger

log = logging.getLogger(__name__)


def last_failure(session: Session, stage: str) -> Failure | None:
    """Why the stage failed last; None when what failed last was another stage, or nothing."""
    last = session.failures[-1] if session.failures else None
    return last if last is not None and last.stage == stage else None


def exhausted(session: Session, stage: str, *, unknown: str, clock: Clock) -> Failure:
    """The end of a stage that was started often enough, under the code of its last failure or else `unknown`."""
    last = last_failure(session, stage)
    return Failure(
        code=last.code if last is not None else unknown,
        stage=stage,
        message=f"given up after {session.attempts} attempts",
        at=clock.now(),
    )


@asynccontextmanager
async def recording_failures(
    session_id: str, manifest: str | None, stage: str, *, ledger: Ledger, endings: Endings, clock: Clock
) -> AsyncIterator[None]:
    """Enter what fails in the session's attempt history.

    A Permanent error ends the session as `failed` and goes no further: trying again would change nothing.
    A session that was erased meanwhile ends quietly.
    Everything else is raised on, so that the host tries again; what is not ours is a defect and is raised too.
    """

    async def enter(error: ScribeError, *, final: bool) -> None:
        failure = Failure(code=error.code, stage=stage, message=str(error), at=clock.now(), transient=not final)
        failed = await ledger.fail(session_id, manifest, failure, final=final)
        outcome = "for good" if final else "to be tried again"
        log.warning("session %s: %s failed %s with %s: %s", session_id, stage, outcome, error.code, error)
        if failed is not None:
            await endings.settle(failed)

    try:
        yield
    except (ClaimLost, Permanent) as error:
        if await ledger.find(session_id) is None:
            log.info("session %s: erased while %s was under way", session_id, stage)
        elif isinstance(error, ClaimLost):
            raise  # whoever has the claim now writes the history
        else:
            await enter(error, final=True)
    except Transient as error:
        await enter(error, final=False)
        raise
