import json

import pytest

from shared.domain.note import ParticipantsType, SessionType
from shared.domain.transcript import Gap
from shared.notes.drafts import Draft, merged, read_draft, schema_of
from shared.notes.evidence import Finding, Flaw
from shared.notes.prompts import mend, prompt, shown, told
from shared.notes.templates import template_for, templates
from shared.notes.writer import write_extract
from shared.ports import NoteRequest
from tests.talks import spoken

TALK = spoken("T: How did you sleep?", "C: Four hours.")
SOAP = template_for(SessionType.SOAP, ParticipantsType.INDIVIDUAL)


@pytest.mark.parametrize("flaw", [*Flaw, "malformed"])
def test_every_finding_is_explained(flaw):
    assert f"- {flaw}: " in prompt("repair").instructions


@pytest.mark.parametrize("template", templates().values(), ids=lambda t: f"{t.session_type}-{t.participants_type}")
def test_every_template_is_told_and_asked_for(template):
    rules, schema = told(template)["content"], schema_of(template)
    for section in template.sections:
        assert f"`{section.key}`" in rules
        assert section.guidance.strip() in rules
    assert schema["properties"]["sections"]["required"] == [section.key for section in template.sections]


@pytest.mark.parametrize("template", templates().values(), ids=lambda t: f"{t.session_type}-{t.participants_type}")
def test_an_answer_has_nothing_that_was_not_asked_for(template):
    """Strict structured output takes objects only where every property is required and no other is let in."""

    def objects(node):
        if isinstance(node, dict):
            if node.get("type") == "object":
                yield node
            for value in node.values():
                yield from objects(value)

    for found in objects(schema_of(template)):
        assert found["additionalProperties"] is False
        assert found["required"] == list(found["properties"])


def test_missing_audio_is_shown():
    gaps = (Gap(start_ms=60_000, end_ms=90_000, reason="missing", chunk="3"), Gap(start_ms=0, reason="x", chunk="1"))
    request = NoteRequest(TALK.model_copy(update={"gaps": gaps}))
    material = json.loads(shown(request, request.transcript.segments, 0, 1)["content"])
    assert material["missing_audio"] == [["01:00", "01:30"], ["00:00"]]


def test_a_finding_is_a_place_and_a_kind():
    *_, ask = mend("{}", [Finding("plan", 2, Flaw.NUMBER)])
    assert ask["content"].endswith("- plan[2]: number")


@pytest.mark.parametrize("change", [{"sections": {}}, {"topics": None}, {"goals": [{"goal": "x"}]}])
def test_an_answer_of_another_form_is_no_draft(change):
    empty = {"sections": {s.key: [] for s in SOAP.sections}, "topics": [], "entities": [], "goals": []}
    assert read_draft(json.dumps(empty), SOAP) == Draft.model_validate(empty)
    assert read_draft(json.dumps({**empty, **change}), SOAP) is None


def test_notes_of_parts_become_one_without_saying_anything_twice():
    note = write_extract(NoteRequest(TALK, SessionType.SOAP))
    assert merged([note, note]) == note
