"""The stages of the pipeline: what each waits for, and what the claim on its work is called."""

from __future__ import annotations

from enum import StrEnum

from shared.domain.session import Door, Session, State


class Stage(StrEnum):
    """What is done to a session in the background, in this order."""

    FETCH = "fetch"
    TRANSCRIBE = "transcribe"
    NOTE = "note"


FETCHING = "fetch"
"""The claim on fetching a session's recording; there is one recording."""


def transcribing(digest: str) -> str:
    """The claim on transcribing a manifest."""
    return f"transcribe:{digest}"


def writing(digest: str, edition: int = 0) -> str:
    """The claim on writing the notes of a manifest's transcript, in the edition wanted."""
    return f"note:{digest}:{edition}" if edition else f"note:{digest}"


def stage_of(session: Session) -> Stage | None:
    """What the session waits for; None while chunks may come, and once it has ended."""
    if session.state is State.RECEIVING:
        return Stage.FETCH if session.door is Door.RECORDING_URL and not session.received else None
    if session.state in {State.SEALED, State.TRANSCRIBING}:
        return Stage.TRANSCRIBE
    return None if session.state.final else Stage.NOTE


def work_of(session: Session, stage: Stage) -> str:
    """The claim on a stage of the session as it stands."""
    if stage is Stage.FETCH:
        return FETCHING
    assert session.manifest is not None  # every later stage has one
    return writing(session.manifest, session.edition) if stage is Stage.NOTE else transcribing(session.manifest)
