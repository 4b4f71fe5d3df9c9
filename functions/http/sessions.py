"""How a session is doing, and the two pushes a person can give it."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path
from pydantic import BaseModel

from functions.http.auth import App, CallerNow
from functions.http.edge import operation
from functions.http.idempotency import AttemptNow
from functions.http.problems import Problem
from shared.domain.caller import Caller, Role, may_reach, require_role
from shared.domain.errors import NotFound
from shared.domain.ids import ID_PATTERN
from shared.domain.session import Session, SessionGap, State, order_of
from shared.services.retry_session import retry_session
from shared.services.seal_session import finalize

SessionId = Annotated[str, Path(pattern=ID_PATTERN)]
NOT_FOUND = {404: {"model": Problem, "description": "No such session, or not yours"}}
NOT_A_CLIENTS = {403: {"model": Problem, "description": "Clients may not"}}

STAGES = {
    State.RECEIVING: "upload",
    State.SEALED: "transcribe",
    State.TRANSCRIBING: "transcribe",
    State.TRANSCRIBED: "note",
    State.WRITING: "note",
}


class SessionError(BaseModel):
    """Why a session failed."""

    code: str
    stage: str
    message: str


class SessionStatus(BaseModel):
    """Where a session stands. `stage` is what it waits for, none when nothing more happens by itself."""

    session_id: str
    state: State
    stage: str | None
    received: int
    missing: list[int]
    gaps: list[SessionGap]
    duration_ms: int | None
    attempts: int
    error: SessionError | None = None
    transcript_id: int | None = None
    history_id: int | None = None
    timings: dict[str, int]


@operation("GET", "sessions/{session_id}", summary="A session's progress", responses=NOT_FOUND)
async def get_session(app: App, caller: CallerNow, session_id: SessionId) -> SessionStatus:
    """What has arrived, what is missing, what is being done and what came of it."""
    return _status(await reach(app, caller, session_id))


@operation(
    "POST",
    "sessions/{session_id}/finalize",
    summary="Seal with what is here, missing chunks as gaps",
    responses={**NOT_FOUND, **NOT_A_CLIENTS},
)
async def finalize_session(app: App, caller: CallerNow, session_id: SessionId) -> SessionStatus:
    """For a recording that will not be completed; a chunk that comes later all the same starts it again."""
    await reach_to_change(app, caller, session_id)
    return _status(await finalize(session_id, ledger=app.ledger, blobs=app.blobs, clock=app.clock))


@operation(
    "POST",
    "sessions/{session_id}/retry",
    summary="Start a failed session again",
    responses={**NOT_FOUND, **NOT_A_CLIENTS, 409: {"model": Problem, "description": "The session has not failed"}},
)
async def retry(app: App, caller: CallerNow, session_id: SessionId, attempt: AttemptNow) -> SessionStatus:
    """Goes on at the stage that failed."""
    await reach_to_change(app, caller, session_id)
    session = await retry_session(
        session_id,
        ledger=app.ledger,
        claims=app.claims,
        blobs=app.blobs,
        queues=app.queues,
        clock=app.clock,
        heard_before=attempt.again,
    )
    return _status(session)


async def reach(app: App, caller: Caller, session_id: str) -> Session:
    """The session, if it is the caller's. Raises: NotFound."""
    session = await app.ledger.get(session_id)
    if not may_reach(caller, session):
        raise NotFound(f"no session {session_id}", code="session_not_found")
    return session


async def reach_to_change(app: App, caller: Caller, session_id: str) -> Session:
    """A client may see how their session is doing, not push it."""
    session = await reach(app, caller, session_id)
    require_role(caller, Role.THERAPIST, Role.SERVICE, Role.ADMIN)
    return session


def _status(session: Session) -> SessionStatus:
    last = session.failures[-1] if session.failures else None
    failed = last is not None and session.state is State.FAILED
    return SessionStatus(
        session_id=session.session_id,
        state=session.state,
        stage=last.stage if last is not None and failed else STAGES.get(session.state),
        received=session.received,
        missing=list(order_of(session).missing),
        gaps=list(session.gaps),
        duration_ms=session.duration_ms,
        attempts=session.attempts,
        error=SessionError(code=last.code, stage=last.stage, message=last.message) if last and failed else None,
        transcript_id=session.transcript_id,
        history_id=session.history_id,
        timings=session.timings,
    )
