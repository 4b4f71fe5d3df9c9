"""What a language model answers: the form it is held to, and the note that is made of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import ValidationError

from shared.domain.model import Model
from shared.domain.note import GoalTouched, NamedEntity, Note, Section, Statement
from shared.domain.transcript import Transcript
from shared.notes.evidence import CheckedNote, check
from shared.notes.plan import parse_plan
from shared.notes.templates import Template
from shared.notes.wording import concepts
from shared.ports import NoteRequest

MOST_TOPICS = 8
LONGEST_TOPIC = 60
"""Characters."""
_NOWHERE = ("",)
"""Evidence of a statement that came without: no segment has this id, so the check drops it and says why."""


class DraftStatement(Model):
    """A statement as the model gives it."""

    text: str
    evidence: tuple[str, ...]


class DraftEntity(Model):
    """A named entity as the model gives it."""

    entity_type: str
    name: str
    summary: str
    evidence: tuple[str, ...]


class DraftGoal(Model):
    """A goal as the model gives it."""

    goal: str
    evidence: tuple[str, ...]


class Draft(Model):
    """An answer."""

    sections: dict[str, tuple[DraftStatement, ...]]
    topics: tuple[str, ...]
    entities: tuple[DraftEntity, ...]
    goals: tuple[DraftGoal, ...]


def schema_of(template: Template) -> dict[str, Any]:
    """JSON schema of an answer, in the subset that strict structured output takes: all required, nothing else."""
    sections = {section.key: _list({"$ref": "#/$defs/statement"}) for section in template.sections}
    text = {"type": "string"}
    return {
        **_object(
            {
                "sections": _object(sections),
                "topics": _list(text),
                "entities": _list({"$ref": "#/$defs/entity"}),
                "goals": _list({"$ref": "#/$defs/goal"}),
            }
        ),
        "$defs": {
            "statement": _object({"text": text, "evidence": _list(text)}),
            "entity": _object({"entity_type": text, "name": text, "summary": text, "evidence": _list(text)}),
            "goal": _object({"goal": text, "evidence": _list(text)}),
        },
    }


def read_draft(answer: str, template: Template) -> Draft | None:
    """The answer; None when it is not of the form asked for."""
    try:
        draft = Draft.model_validate_json(answer)
    except ValidationError:
        return None  # it quotes what it stumbled over
    return draft if draft.sections.keys() == {section.key for section in template.sections} else None


def checked(draft: Draft, template: Template, request: NoteRequest, engine: str) -> CheckedNote:
    """The note of a draft with what its evidence holds, and what it does not."""
    sections = tuple(
        Section(
            key=section.key,
            title=section.title,
            statements=tuple(_statement(said.text, said.evidence) for said in draft.sections[section.key]),
        )
        for section in template.sections
    )
    note = Note(
        session_type=template.session_type,
        participants_type=template.participants_type,
        template_version=template.version,
        sections=sections,
        topics=_topics(draft, request.transcript),
        entities=tuple(NamedEntity(**entity.model_dump()) for entity in draft.entities if entity.evidence),
        goals=_goals(draft, request),
        engine=engine,
    )
    return check(note, request)


def merged(notes: Sequence[Note]) -> Note:
    """Notes of a session's parts as one, in order; what two of them say is said once."""
    first = notes[0]
    by_key = [
        section.model_copy(
            update={"statements": tuple(dict.fromkeys(s for note in notes for s in note.sections[n].statements))}
        )
        for n, section in enumerate(first.sections)
    ]
    topics = tuple(dict.fromkeys(topic for note in notes for topic in note.topics))[:MOST_TOPICS]
    entities: dict[tuple[str, str], NamedEntity] = {}
    for entity in (entity for note in notes for entity in note.entities):
        key = (entity.entity_type.casefold(), entity.name.casefold())
        entities[key] = _with_evidence(entities.get(key, entity), entity.evidence)
    goals: dict[str, GoalTouched] = {}
    for goal in (goal for note in notes for goal in note.goals):
        goals[goal.goal] = _with_evidence(goals.get(goal.goal, goal), goal.evidence)
    return first.model_copy(
        update={
            "sections": tuple(by_key),
            "topics": topics,
            "entities": tuple(entities.values()),
            "goals": tuple(goals.values()),
        }
    )


def _with_evidence(found: Any, evidence: Iterable[str]) -> Any:
    return found.model_copy(update={"evidence": tuple(dict.fromkeys((*found.evidence, *evidence)))})


def _statement(text: str, evidence: Sequence[str]) -> Statement:
    return Statement(text=" ".join(text.split()), evidence=tuple(dict.fromkeys(evidence)) or _NOWHERE)


def _topics(draft: Draft, transcript: Transcript) -> tuple[str, ...]:
    """Those with a word in them that was said."""
    said = set(concepts(" ".join(segment.text for segment in transcript.segments)))
    return tuple(
        topic for topic in dict.fromkeys(draft.topics) if len(topic) <= LONGEST_TOPIC and said & set(concepts(topic))
    )[:MOST_TOPICS]


def _goals(draft: Draft, request: NoteRequest) -> tuple[GoalTouched, ...]:
    """Those of the plan; the check holds them against it."""
    parts = {item.text: item.part for item in parse_plan(request.plan or "")}
    return tuple(
        GoalTouched(goal=goal.goal, evidence=goal.evidence, part=parts[goal.goal])
        for goal in draft.goals
        if goal.goal in parts and goal.evidence
    )


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def _list(of: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": of}
