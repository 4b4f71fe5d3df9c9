"""The results of a processing session, as they stand on the wire."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from pydantic import Field

from functions.http.fields import CamelModel
from shared.domain.note import Identity, Note, Section, SessionType, Statement
from shared.domain.processing import ProcessingError as Failure
from shared.domain.processing import Status, error_of, status_of
from shared.domain.records import StoredHistory
from shared.domain.session import Door, Session
from shared.domain.transcript import Segment, Transcript
from shared.services.read_processing import Processed

NOT_DISCUSSED = "Not discussed in this session."


class Recording(CamelModel):
    """The recording that was fetched."""

    duration_ms: int


class SpokenWord(CamelModel):
    """Milliseconds from the start of the session."""

    text: str
    start: int
    end: int


class Evidence(CamelModel):
    """Words of the transcript that a statement rests on."""

    start: int
    end: int
    speaker: str
    text: str


class Utterance(Evidence):
    """What one speaker says in one go."""

    words: list[SpokenWord]


class Utterances(CamelModel):
    """The transcript."""

    utterances: list[Utterance]


class Speaker(CamelModel):
    """Who a speaker of the transcript is taken to be; `confidence` is 0 to 1, and 1 where somebody said so."""

    speaker: str
    role: str = Field(examples=["therapist", "client", "unknown"])
    person: str | None = Field(description="The id in speakerNames")
    name: str | None
    confidence: float


class ProgressNote(CamelModel):
    """A section of the note, in the format's order."""

    category: str
    text: str
    evidence: list[Evidence]


class Entity(CamelModel):
    """A person, place, organisation or medicine that was spoken of."""

    entity_type: str
    name: str
    summary: str


class Goal(CamelModel):
    """A goal of the treatment plan that the session spoke to."""

    goal: str
    evidence: list[Evidence]


class TreatmentPlan(CamelModel):
    """What the session had to do with the plan that came with it."""

    goals: list[Goal]


class Results(CamelModel):
    """Each is null until it is there."""

    recording: Recording | None = None
    transcript: Utterances | None = None
    speakers: list[Speaker] | None = None
    progress_notes: list[ProgressNote] | None = None
    topics: list[str] | None = None
    named_entities: list[Entity] | None = None
    treatment_plan: TreatmentPlan | None = None


class ProcessingError(CamelModel):
    """`code` is stable; `message` says what to do."""

    code: str
    message: str


class ProcessingSession(CamelModel):
    """`sessionType` and `version` are those of the note shown."""

    processing_id: str
    status: Status
    session_type: SessionType
    version: int | None = None
    results: Results
    error: ProcessingError | None = None


class NoteVersion(CamelModel):
    """A note that was written."""

    session_type: SessionType
    version: int
    history_id: int
    written: datetime


def described(found: Processed, session_type: SessionType | None) -> ProcessingSession:
    """A session with what there is of it."""
    failure = error_of(found.session)
    return ProcessingSession(
        processing_id=found.session.session_id,
        status=status_of(found.session),
        session_type=session_type or found.session.session_type,
        version=found.version,
        results=_results(found.session, found.transcript, found.note),
        error=_error(failure) if failure is not None else None,
    )


def versions(rows: Sequence[StoredHistory]) -> list[NoteVersion]:
    """Notes by format and version."""
    return [
        NoteVersion(
            session_type=row.session_type,
            version=row.version,
            history_id=row.number,
            written=datetime.fromisoformat(row.updated),
        )
        for row in rows
    ]


def _error(failure: Failure) -> ProcessingError:
    return ProcessingError(code=failure.code, message=failure.message)


def _results(session: Session, transcript: Transcript | None, note: Note | None) -> Results:
    fetched = session.door is Door.RECORDING_URL and session.duration_ms is not None
    results = Results(recording=Recording(duration_ms=session.duration_ms or 0) if fetched else None)
    if transcript is None:
        return results
    heard = Utterances(utterances=[_utterance(segment) for segment in transcript.segments])
    results = results.model_copy(update={"transcript": heard})
    if note is None:
        return results
    segments = {segment.id: segment for segment in transcript.segments}
    return results.model_copy(
        update={
            "speakers": [_speaker(one) for one in note.speakers],
            "progress_notes": [_section(section, segments) for section in note.sections],
            "topics": list(note.topics),
            "named_entities": [
                Entity(entity_type=entity.entity_type, name=entity.name, summary=entity.summary)
                for entity in note.entities
            ],
            "treatment_plan": TreatmentPlan(
                goals=[Goal(goal=one.goal, evidence=_evidence(one.evidence, segments)) for one in note.goals]
            ),
        }
    )


def _utterance(segment: Segment) -> Utterance:
    words = [SpokenWord(text=word.text, start=word.start_ms, end=word.end_ms) for word in segment.words]
    return Utterance(**_said(segment).model_dump(), words=words)


def _said(segment: Segment) -> Evidence:
    return Evidence(start=segment.start_ms, end=segment.end_ms, speaker=segment.speaker, text=segment.text)


def _speaker(one: Identity) -> Speaker:
    person = one.person
    return Speaker(
        speaker=one.speaker,
        role=one.role,
        person=person.key if person is not None else None,
        name=person.name if person is not None else None,
        confidence=one.confidence,
    )


def _section(section: Section, segments: Mapping[str, Segment]) -> ProgressNote:
    shown: list[Statement] = sorted(section.statements, key=lambda statement: not statement.risk)
    cited = dict.fromkeys(segment_id for statement in shown for segment_id in statement.evidence)
    return ProgressNote(
        category=section.title,
        text="\n".join(statement.text for statement in shown) or NOT_DISCUSSED,
        evidence=_evidence(tuple(cited), segments),
    )


def _evidence(segment_ids: Sequence[str], segments: Mapping[str, Segment]) -> list[Evidence]:
    return [_said(segments[segment_id]) for segment_id in segment_ids if segment_id in segments]
