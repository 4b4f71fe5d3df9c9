"""A clinical note: sections of statements, each with the words it rests on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from pydantic import Field

from shared.domain.model import Model
from shared.domain.transcript import Segment, clock


class SessionType(StrEnum):
    """The note formats of the wire contract."""

    STANDARD = "Standard"
    INTAKE = "Intake"
    SOAP = "Soap"
    DAP = "Dap"
    GIRP = "Girp"
    BIRP = "Birp"
    MSE = "Mse"
    EMDR = "Emdr"
    PSYCHIATRIC_SOAP = "PsychiatricSoap"
    PSYCHIATRIC_INTAKE = "PsychiatricIntake"
    GP_SOAP = "GpSoap"
    BPS = "Bps"
    HEADWAY_SOAP = "HeadwaySoap"


class ParticipantsType(StrEnum):
    """Who takes part."""

    INDIVIDUAL = "Individual"
    COUPLE = "Couple"
    DICTATED_NOTES = "DictatedNotes"


class Pronouns(StrEnum):
    """How a person is spoken of."""

    MASCULINE = "MasculineHim"
    FEMININE = "FeminineHer"
    NEUTRAL = "NeutralThem"


class Person(Model):
    """Someone who took part, as whoever asks for the note names them. `key` is the asker's own id for them."""

    key: str
    name: str
    pronouns: Pronouns | None = None
    is_owner: bool = False
    """Whether this is the clinician whose session it is."""


class Identity(Model):
    """Who a speaker of the transcript is taken to be. `confidence` is 0…1, and 1 where somebody said so."""

    speaker: str
    """The transcript's label."""
    role: str
    """`therapist`, `client` or `unknown`."""
    person: Person | None = None
    confidence: float = 0.0


class RiskStatus(StrEnum):
    """Whose a risk is, and when, as far as it is certain from what was said."""

    PRESENT = "present"
    DENIED = "denied"
    HISTORICAL = "historical"
    HYPOTHETICAL = "hypothetical"
    OTHER_PERSON = "other_person"


class Statement(Model):
    """One thing the note says. `evidence` holds segment ids; a statement without any is never shown as fact."""

    text: str
    evidence: tuple[str, ...] = Field(min_length=1)
    risk: bool = False
    """A mention of suicide, self-harm, harm to others, abuse or safety: asked, told or denied. Shown first, marked."""
    risk_status: RiskStatus | None = None
    """None where it is not certain: to be read as present."""


class Section(Model):
    """A heading of the note. Empty `statements` mean: not discussed in this session."""

    key: str
    title: str
    statements: tuple[Statement, ...] = ()


class PlanPart(StrEnum):
    """What an item of a treatment plan is."""

    GOAL = "goal"
    OBJECTIVE = "objective"
    INTERVENTION = "intervention"


class GoalTouched(Model):
    """A goal, objective or intervention of the treatment plan that the session spoke to, in the plan's words."""

    goal: str
    part: PlanPart = PlanPart.GOAL
    evidence: tuple[str, ...] = Field(min_length=1)


class NamedEntity(Model):
    """A person, place, organisation or medicine that was spoken of; `summary` says what was said of it."""

    entity_type: str
    name: str
    summary: str
    evidence: tuple[str, ...] = Field(min_length=1)


class Note(Model):
    """A note in one template's format. `engine` says what wrote it."""

    session_type: SessionType
    participants_type: ParticipantsType
    template_version: int
    sections: tuple[Section, ...]
    topics: tuple[str, ...] = ()
    entities: tuple[NamedEntity, ...] = ()
    goals: tuple[GoalTouched, ...] = ()
    """Of the treatment plan that came with the request, those that were touched."""
    speakers: tuple[Identity, ...] = ()
    """Who the transcript's speakers were taken to be."""
    engine: str = ""


def render_markdown(note: Note, segments: Mapping[str, Segment], names: Mapping[str, str] | None = None) -> str:
    """The note as Markdown, each statement followed by the time and speaker of its evidence; risk first, in bold.

    The goals of the treatment plan that were touched stand at the end, where there are any.
    `segments` maps segment ids to segments; every id in the note's evidence must be in it (KeyError otherwise).
    `names` maps speaker labels to what the speakers are called, as in Transcript.
    """
    cited = _Cited(segments, names or {})
    lines: list[str] = []
    for section in note.sections:
        lines += [f"## {section.title}", ""]
        shown = sorted(section.statements, key=lambda statement: not statement.risk)
        lines += [f"- {_told(s)} {cited.shown(s.evidence)}" for s in shown] or ["_Not discussed in this session._"]
        lines.append("")
    if note.goals:
        lines += ["## Treatment plan goals addressed", ""]
        lines += [f"- {touched.goal} {cited.shown(touched.evidence)}" for touched in note.goals]
    return "\n".join(lines).strip() + "\n"


def _told(statement: Statement) -> str:
    """The statement's words; of a risk marked as one, and whose and when it is where that is certain."""
    if not statement.risk:
        return statement.text
    status = f" _({statement.risk_status.replace('_', ' ')})_" if statement.risk_status else ""
    return f"**Risk** {statement.text}{status}"


@dataclass(frozen=True)
class _Cited:
    """What evidence points at."""

    segments: Mapping[str, Segment]
    names: Mapping[str, str]

    def shown(self, evidence: tuple[str, ...]) -> str:
        """Times and speakers in brackets."""
        cited = [self.segments[segment_id] for segment_id in evidence]
        return "[" + "; ".join(f"{clock(s.start_ms)} {self.names.get(s.speaker, s.speaker)}" for s in cited) + "]"
