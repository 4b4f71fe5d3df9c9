"""What a partner asks for with a processing session, and how its end is told."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from pydantic import Field

from shared.domain.model import Model
from shared.domain.note import ParticipantsType, Person, SessionType
from shared.domain.session import Session, State

MAX_PLAN_CHARACTERS = 100_000


class Brief(Model):
    """Who took part. All of it is encrypted wherever it is stored: names are a patient's."""

    people: tuple[Person, ...] = ()
    speakers: dict[str, str] = Field(default_factory=dict)
    """Label in a transcript that came with the request to `Person.key`."""
    fingerprint: str = ""
    """Digest of the whole request, by which a repeated one is told from another under the same key."""


class Order(Model):
    """A request, as far as both doors share it. `names` and `pronouns` go by the asker's own ids of people."""

    owner_userid: str
    names: dict[str, str]
    pronouns: dict[str, str] = Field(default_factory=dict)
    session_type: SessionType = SessionType.STANDARD
    participants_type: ParticipantsType = ParticipantsType.INDIVIDUAL
    plan: str | None = Field(default=None, repr=False)


class Status(StrEnum):
    """Where a processing session stands, for its partner."""

    PROCESSING = "Processing"
    DONE = "Done"
    ERROR = "Error"


class ProcessingError(Model):
    """Why a processing session ended without a note, in words a partner can act on."""

    code: str
    message: str


UNUSABLE = ProcessingError(
    code="recording_unusable",
    message="Nothing that can be heard came from recordingUrl: it must lead, from anywhere on the public internet, to "
    "an audio file (WAV, MP3, M4A/MP4, WebM, Ogg, FLAC or AAC) of a size we take. "
    "Check it and create the session again.",
)
INTERNAL = ProcessingError(
    code="internal_error",
    message="Something went wrong on our side, several times over. "
    "Create the session again; if it fails again, tell us its processingId.",
)
ERRORS: Mapping[str, ProcessingError] = {
    "recording_unusable": UNUSABLE,
    "audio_undecodable": UNUSABLE,
    "source_unavailable": ProcessingError(
        code="source_unavailable",
        message="The server that recordingUrl names did not answer, or broke off, several times over. "
        "Make sure that it is up, or upload the recording to a URL from POST /recording-url, and create the session "
        "again.",
    ),
    "no_speech": ProcessingError(
        code="no_speech",
        message="Nobody says anything in the recording, so there is no transcript and no note. "
        "Check that it is the right recording and that it has sound.",
    ),
    "request_incomplete": ProcessingError(
        code="request_incomplete",
        message="The request broke off before all of it was stored. Send it again, under another Idempotency-Key.",
    ),
    "engine_refused": ProcessingError(
        code="engine_refused",
        message="The engine that listens or writes will not take this session. "
        "Create it again with another sessionType or without externalTreatmentPlan; if it fails again, tell us its "
        "processingId.",
    ),
}
"""By the code of a session's last failure; what is not here is INTERNAL."""


def status_of(session: Session) -> Status:
    """`Done` only once everything that was asked for is there."""
    if session.state is State.DONE:
        return Status.DONE
    return Status.ERROR if session.state.final else Status.PROCESSING


def error_of(session: Session) -> ProcessingError | None:
    """Why it ended in `Error`; None for one that did not."""
    if status_of(session) is not Status.ERROR:
        return None
    if session.state is State.SKIPPED:
        return ERRORS["no_speech"]
    return ERRORS.get(session.failures[-1].code, INTERNAL) if session.failures else INTERNAL
