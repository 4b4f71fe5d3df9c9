"""Processing sessions: a partner sends a recording or a transcript, and reads what became of it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path, Query, Response
from pydantic import Field, StringConstraints

from functions.http.auth import App, CallerNow
from functions.http.edge import operation
from functions.http.fields import CamelModel, Text
from functions.http.idempotency import IdempotencyKey
from functions.http.problems import Problem
from functions.http.processing_results import NoteVersion, ProcessingSession, described, versions
from functions.http.relationships import FOR_SERVICES
from functions.http.transcript_given import Language, TranscriptGiven, taken
from shared.domain.caller import Caller, Role, require_role
from shared.domain.ids import ID_PATTERN
from shared.domain.note import ParticipantsType, Pronouns, SessionType
from shared.domain.processing import MAX_PLAN_CHARACTERS, Order
from shared.services.read_processing import ask_for_another_note

MAX_PEOPLE = 50
MAX_URL = 8192

Key = Annotated[Text, StringConstraints(min_length=1, max_length=128)]
Name = Annotated[
    Text, StringConstraints(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]*\S[^\x00-\x1f\x7f]*$")
]


ProcessingId = Annotated[str, Path(pattern=ID_PATTERN)]
NOT_FOUND = {404: {"model": Problem, "description": "No such processing session, or not yours"}}
PRIVATE = {"Cache-Control": "no-store"}


class SessionRequest(CamelModel):
    """What both doors take. People go by ids of the asker's choice; the owner by `ownerUserId`."""

    owner_user_id: Text = Field(max_length=128, description="The UUID of one of your users; not your own id for them")
    speaker_names: dict[Key, Name] = Field(min_length=1, max_length=MAX_PEOPLE, description="Must name the owner")
    speaker_pronouns: dict[Key, Pronouns] | None = Field(
        default=None, max_length=MAX_PEOPLE, description="Only of people in speakerNames; unknown ones are left out"
    )
    speaker_genders: Any = Field(default=None, deprecated=True, description="Ignored: see speakerPronouns")
    session_type: SessionType | None = SessionType.STANDARD
    participants_type: ParticipantsType | None = ParticipantsType.INDIVIDUAL
    external_treatment_plan: Text | None = Field(
        default=None,
        max_length=MAX_PLAN_CHARACTERS,
        description="Markdown; context for this note, encrypted while it waits and deleted with the note's writing",
    )

    @property
    def order(self) -> Order:
        """As the use cases take it."""
        return Order(
            owner_userid=self.owner_user_id,
            names=self.speaker_names,
            pronouns=self.speaker_pronouns or {},
            session_type=self.session_type or SessionType.STANDARD,
            participants_type=self.participants_type or ParticipantsType.INDIVIDUAL,
            plan=self.external_treatment_plan or None,
        )


class RecordingRequest(SessionRequest):
    """A session by the address of its recording."""

    recording_url: Text = Field(
        min_length=1, max_length=MAX_URL, description="From POST /recording-url, or a public http or https address"
    )


class TranscriptRequest(SessionRequest):
    """A session with its transcript."""

    transcript: TranscriptGiven
    speaker_mapping: dict[Key, Key] | None = Field(
        default=None,
        max_length=MAX_PEOPLE,
        description="Speaker of the transcript to an id in speakerNames; whoever is left out is guessed, if anybody",
    )
    language: Language | None = "en-US"


class Taken(CamelModel):
    """The session was taken in; ask for it by this id."""

    processing_id: str


class AnotherNote(CamelModel):
    """A format that a note is to be written in."""

    session_type: SessionType


@operation("POST", "processing-sessions", summary="Process a recording", response_model=Taken, responses=FOR_SERVICES)
async def create_processing_session(
    app: App, caller: CallerNow, request: RecordingRequest, idempotency_key: IdempotencyKey = None
) -> Taken:
    """Answers at once. The recording is fetched, transcribed and made into a note; your webhook hears of the end."""
    _require_partner(caller)
    made = await app.processing.from_recording(caller, request.order, request.recording_url, key=idempotency_key)
    return Taken(processing_id=made)


@operation(
    "POST",
    "processing-sessions/from-transcript",
    summary="Process a transcript",
    response_model=Taken,
    responses={**FOR_SERVICES, 413: {"model": Problem, "description": "The transcript is too large"}},
)
async def create_from_transcript(
    app: App, caller: CallerNow, request: TranscriptRequest, idempotency_key: IdempotencyKey = None
) -> Taken:
    """As for a recording, with the words already written down: straight to the note."""
    _require_partner(caller)
    transcript = taken(request.transcript, request.language)
    made = await app.processing.from_transcript(
        caller, request.order, transcript, request.speaker_mapping or {}, key=idempotency_key
    )
    return Taken(processing_id=made)


@operation(
    "GET",
    "processing-sessions/{processing_id}",
    summary="A processing session and its results",
    responses={**FOR_SERVICES, **NOT_FOUND},
)
async def get_processing_session(
    app: App,
    caller: CallerNow,
    response: Response,
    processing_id: ProcessingId,
    session_type: Annotated[SessionType | None, Query(alias="sessionType")] = None,
    version: Annotated[int | None, Query(ge=1, le=2**31)] = None,
) -> ProcessingSession:
    """Results come in as they are made, in the clear.

    `sessionType` and `version` show another note than the newest in the session's own format.
    """
    _require_partner(caller)
    found = await app.processing_reader.get(caller, processing_id, session_type, version)
    response.headers.update(PRIVATE)
    return described(found, session_type)


@operation(
    "POST",
    "processing-sessions/{processing_id}/notes",
    summary="Write another note from the same transcript",
    responses={
        **FOR_SERVICES,
        **NOT_FOUND,
        409: {"model": Problem, "description": "The session has not ended with a transcript"},
    },
)
async def write_another_note(
    app: App, caller: CallerNow, response: Response, processing_id: ProcessingId, wanted: AnotherNote
) -> ProcessingSession:
    """In another format, or in the same anew. Every version stays; the session is `Processing` until it is written."""
    _require_partner(caller)
    session = await app.processing_reader.reach(caller, processing_id)
    await ask_for_another_note(session, wanted.session_type, ledger=app.ledger, queues=app.queues)
    response.headers.update(PRIVATE)
    return described(await app.processing_reader.get(caller, processing_id, wanted.session_type), wanted.session_type)


@operation(
    "GET",
    "processing-sessions/{processing_id}/notes",
    summary="Every note that was written, with its version",
    responses={**FOR_SERVICES, **NOT_FOUND},
)
async def list_notes(app: App, caller: CallerNow, processing_id: ProcessingId) -> list[NoteVersion]:
    """In order of writing. Read one with `GET /processing-sessions/{processingId}?sessionType=…&version=…`."""
    _require_partner(caller)
    return versions(await app.processing_reader.notes(caller, processing_id))


def _require_partner(caller: Caller) -> None:
    require_role(caller, Role.SERVICE, Role.ADMIN)
