"""A therapist's own instructions: what a quoting writer follows of them, and what it never lets them hide."""

import pytest

from shared.domain.note import ParticipantsType, SessionType
from shared.notes.instructions import instruction_set
from shared.notes.personal import followed
from shared.notes.safeguard import safeguarded
from shared.notes.templates import template_for
from shared.notes.writer import write_extract
from shared.ports import NoteRequest
from tests.talks import THERAPY, read_talk, text_of

TALK = read_talk(THERAPY)
INDIVIDUAL, COUPLE, DICTATED = ParticipantsType


def write(instructions, session_type=SessionType.STANDARD, participants_type=INDIVIDUAL):
    request = NoteRequest(TALK, session_type, participants_type, instructions=instructions)
    note = write_extract(request)
    assert safeguarded(note, request) == note
    return note


def titles(note):
    return [section.title for section in note.sections]


def keys(template):
    return [section.key for section in template.sections]


def test_headings_choose_the_sections_their_order_and_their_titles():
    note = write(
        "## Our plan\nShort.\n\n## Risk\nAll of it.\n\n## Medication and side effects\n\n## Presenting concerns\n"
    )
    assert titles(note) == ["Our plan", "Risk", "Medication and side effects", "Presenting concerns"]
    assert "for homework, continue the breathing" in text_of(note, "goals_plan")
    assert "three panic attacks" in text_of(note, "presenting_concerns")


def test_the_place_for_risk_is_there_and_first_when_nobody_names_it():
    note = write("## Goals and plan\nShort.")
    assert note.sections[0].key == "risk"
    assert "thoughts of harming yourself" in text_of(note, "risk")


@pytest.mark.parametrize(
    "instructions", ["## Goals and plan\n", "## Risk\n## Plan\nLeave out medication.", "Omit Medication."]
)
def test_medicines_keep_a_place(instructions):
    assert "fifty milligrams a day" in text_of(write(instructions), "medication")


def test_leaving_a_section_out_is_honoured():
    assert "Interventions" not in titles(write("Leave out the Interventions section."))


@pytest.mark.parametrize(
    "instructions",
    [
        "Leave out risk.",
        "Do not include risk and safety.",
        "## Presenting concerns\n## Risk and safety\nLeave out the Risk section.\n",
    ],
)
def test_risk_is_never_left_out(instructions):
    assert "thoughts of harming yourself" in text_of(write(instructions), "risk")


@pytest.mark.parametrize(
    "instructions",
    [
        "Be brief and warm.",
        "# Mine\n## About tone\nNo jargon.",
        "Leave out praise without content, interpretations (Assessment) and small talk.",
        "## ",
    ],
)
def test_what_names_no_section_changes_nothing(instructions):
    assert write(instructions) == write(None)


def test_a_heading_that_names_two_sections_joins_them():
    note = write("## Subjective\n## Objective\n## Assessment & Plan\n", SessionType.SOAP)
    assert titles(note) == ["Subjective", "Objective", "Assessment & Plan"]
    joined = text_of(note, "assessment")
    assert "real progress" in joined
    assert "for homework, continue the breathing" in joined


@pytest.mark.parametrize("bound", ["At most two statements.", "No more than 2 bullet points", "Up to 2 lines."])
def test_a_bound_is_kept(bound):
    note = write(f"## Presenting concerns\n{bound}\n## Risk\n## Medication\n## Plan\nmaximum of three sentences")
    counts = {section.key: len(section.statements) for section in note.sections}
    assert counts["presenting_concerns"] <= 2
    assert counts["goals_plan"] <= 3


def test_a_bound_hides_neither_risk_nor_medicines():
    note = write("## Subjective\nAt most 1 sentence.\n", SessionType.SOAP)
    assert "thoughts of harming yourself" in text_of(note)
    assert "sertraline" in text_of(note)


def test_a_couples_section_is_still_each_partners():
    template = followed(template_for(SessionType.SOAP, COUPLE), "## Subjective, in their words\n## Plan\n")
    assert [s.title for s in template.sections if s.partner is not None] == [
        "Subjective, in their words: first partner",
        "Subjective, in their words: second partner",
    ]
    assert template.risk_section == template.sections[0]
    assert keys(template)[1:] == ["subjective_first", "subjective_second", "together", "plan"]


@pytest.mark.parametrize("participants_type", ParticipantsType)
@pytest.mark.parametrize("session_type", SessionType)
def test_the_standard_set_leaves_the_format_as_it_is(session_type, participants_type):
    template = template_for(session_type, participants_type)
    same = followed(template, instruction_set(template.key).instructions)
    assert set(keys(same)) == set(keys(template))
    if participants_type is not COUPLE:
        assert keys(same) == keys(template)
