"""What a language model is told, and shown, to write a note.

The words are in `prompts/*.md`, with a version each. What comes from people (the transcript, the plan, the clinician's
wishes) is shown as values of one JSON object and nowhere else, so that nothing in it can pass for an instruction.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from shared.domain.note import Person
from shared.domain.transcript import Gap, Segment, clock
from shared.notes.evidence import Finding
from shared.notes.instructions import RULES, InstructionSet, instruction_set, load
from shared.notes.parts import Part
from shared.notes.people import identify
from shared.notes.plan import parse_plan
from shared.notes.templates import Template
from shared.ports import NoteRequest

FOLDER = Path(__file__).parent / "prompts"

Message = dict[str, str]


@cache
def prompt(name: str) -> InstructionSet:
    """A prompt file."""
    return load(FOLDER / f"{name}.md")


def version() -> str:
    """Grows when any word a model is told does, format and guidance apart."""
    return f"{prompt('note').version}.{prompt('repair').version}"


def told(template: Template) -> Message:
    """The rules, and what goes into which section."""
    sections = "\n".join(
        f"### `{section.key}`: {section.title}\nAt most {section.at_most} statements."
        f"{' The section for risk.' if section.risk else ''}\n{section.guidance.strip()}\n"
        for section in template.sections
    )
    rules = instruction_set(RULES).instructions
    return _message("system", f"{prompt('note').instructions}\n{rules}\n## Sections of this note\n{sections}")


def shown(request: NoteRequest, part: Part, number: int, parts: int) -> Message:
    """A part of the session, and what is known about it."""
    known: dict[str, Any] = {"speakers": _speakers(request)}
    if parts > 1:
        known["part"] = f"{number + 1} of {parts}"
    if request.plan:
        known["treatment_plan"] = request.plan
        known["goals"] = [item.text for item in parse_plan(request.plan)]
    if request.instructions:
        known["wishes"] = request.instructions
    known["missing_audio"] = [_missing(gap) for gap in request.transcript.gaps]
    known["transcript"] = [line(segment) for segment in part]
    return _message("user", json.dumps(known, ensure_ascii=False, separators=(",", ":")))


def line(segment: Segment) -> list[str]:
    """A segment as it is shown."""
    return [segment.id, clock(segment.start_ms), segment.speaker, " ".join(segment.text.split())]


def mend(answer: str | None, findings: Iterable[Finding]) -> Sequence[Message]:
    """The answer so far and what is wrong with it, in places and codes: words are not said again."""
    wrong = "\n".join(f"- {finding.section}[{finding.position}]: {finding.flaw}" for finding in findings)
    ask = _message("user", f"{prompt('repair').instructions}\n## Findings\n{wrong or '- malformed'}")
    return [_message("assistant", answer), ask] if answer else [ask]


def _speakers(request: NoteRequest) -> dict[str, dict[str, str]]:
    identities = identify(
        request.transcript, request.people, request.identities, request.roles, request.participants_type
    )
    return {one.speaker: {"role": one.role} | _person(one.person) for one in identities}


def _person(person: Person | None) -> dict[str, str]:
    if person is None:
        return {}
    return {"name": person.name} | ({"pronouns": person.pronouns.value} if person.pronouns else {})


def _missing(gap: Gap) -> list[str]:
    return [clock(gap.start_ms), clock(gap.end_ms)] if gap.end_ms is not None else [clock(gap.start_ms)]


def _message(role: str, content: str) -> Message:
    return {"role": role, "content": content}
