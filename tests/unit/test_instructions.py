"""Instruction sets: every type there is, whole and usable; the note writer's templates among them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from pydantic import ValidationError

from shared.adapters.memory_items import MemoryItems
from shared.domain.caller import Caller, Role
from shared.domain.errors import Forbidden, NotFound
from shared.domain.note import ParticipantsType
from shared.notes.instructions import InstructionSet, instruction_set, instruction_sets, load
from shared.notes.templates import templates
from shared.services.instructions import Instructions, require_own_instructions
from tests.unit.services.world import SetClock

PROMISED = {
    *("clinical_notes", "safety_plan", "treatment_plan", "discharge_summary", "intake", "progress_note"),
    *("risk_assessment", "standard", "soap", "dap", "birp", "girp"),
}
INDIVIDUAL = [
    template for template in templates().values() if template.participants_type is ParticipantsType.INDIVIDUAL
]


@pytest.fixture
def instructions() -> Instructions:
    return Instructions(MemoryItems(), SetClock())


def test_every_promised_type_is_there():
    assert set(instruction_sets()) >= PROMISED


@pytest.mark.parametrize("name", sorted(instruction_sets()))
def test_a_set_is_whole(name):
    found = instruction_set(name)
    assert (found.instruction_type, bool(found.title), found.version >= 1) == (name, True, True)
    assert len(found.sections) >= 3
    assert len({section.key for section in found.sections}) == len(found.sections)
    for section in found.sections:
        assert len(section.instructions) > 60, section.title


@pytest.mark.parametrize("name", sorted(instruction_sets()))
def test_a_set_says_how_risk_is_worded_what_stays_out_and_shows_an_example(name):
    text = instruction_set(name).instructions.lower()
    assert "risk" in text
    assert "stays out" in text or "leave out" in text
    assert "example" in text
    assert "\n> " in instruction_set(name).instructions


@pytest.mark.parametrize("template", INDIVIDUAL, ids=lambda template: template.key)
def test_a_template_is_read_with_the_guidance_it_is_written_by(template):
    found = instruction_set(template.key)
    sections = {section.title: section.instructions for section in found.sections}
    for section in template.sections:
        assert sections[section.title].startswith(section.guidance.strip())
        assert ("Risk belongs in this section" in sections[section.title]) == section.risk
    assert found.title == template.title


def test_the_rules_of_every_note_come_with_each_template():
    [rules] = [section for section in instruction_set("soap").sections if section.title == "Clinical notes"]
    assert "Absence of a question is not a denial" in rules.instructions


def test_an_unknown_type_is_answered_with_the_known():
    with pytest.raises(NotFound) as failed:
        instruction_set("horoscope")
    assert failed.value.code == "instructions_not_found"
    assert all(name in str(failed.value) for name in PROMISED)
    assert "horoscope" not in str(failed.value)


def test_text_before_the_first_heading_is_no_section():
    found = InstructionSet(
        instruction_type="soap", title="Mine", version=1, instructions="Be brief.\n## Plan\nShort.\n"
    )
    assert [(section.key, section.instructions) for section in found.sections] == [("plan", "Short.")]


@pytest.mark.parametrize(
    "text", ["no head", "---\ntitle: x\nversion: 0\n---\n", "---\ntitle: x\nversion: 1\nauthor: y\n---\n"]
)
def test_a_malformed_file_is_an_error(tmp_path: Path, text):
    path = tmp_path / "broken.md"
    path.write_text(text)
    with pytest.raises((ValueError, ValidationError)):
        load(path)


# ---- one's own ------------------------------------------------------------------------------------------------------


async def test_ones_own_goes_before_the_standard(instructions):
    await instructions.keep("soap", "therapist1", title=None, markdown="## Plan\nAlways name the next step.")
    own = await instructions.of("soap", "therapist1")
    assert (own.title, own.version) == (instruction_set("soap").title, 1)
    assert [section.title for section in own.sections] == ["Plan"]


async def test_what_one_wrote_is_nobody_elses(instructions):
    await instructions.keep("soap", "therapist1", title="Mine", markdown="## Plan\nShort.")
    standard = instruction_set("soap")
    assert await instructions.of("soap") == standard
    assert await instructions.of("soap", "therapist2") == standard
    assert await instructions.of("dap", "therapist1") == instruction_set("dap")


async def test_each_writing_raises_the_version(instructions):
    texts = [f"## Plan\nVersion {n}." for n in range(5)]
    await asyncio.gather(*(instructions.keep("soap", "therapist1", title=None, markdown=text) for text in texts))
    assert (await instructions.of("soap", "therapist1")).version == 5


async def test_an_unknown_type_cannot_be_written(instructions):
    with pytest.raises(NotFound):
        await instructions.keep("horoscope", "therapist1", title=None, markdown="## Stars\nNone.")


@pytest.mark.parametrize(
    ("caller", "roles", "may"),
    [
        ("therapist1", {Role.THERAPIST}, True),
        ("partner1", {Role.SERVICE}, True),
        ("admin1", {Role.ADMIN}, True),
        ("therapist2", {Role.THERAPIST}, False),
        ("therapist1", {Role.CLIENT}, False),
        ("therapist1", set(), False),
    ],
)
def test_whose_instructions_they_are(caller, roles, may):
    asked = Caller(id=caller, roles=frozenset(roles))
    if may:
        require_own_instructions(asked, "therapist1")
        return
    with pytest.raises(Forbidden):
        require_own_instructions(asked, "therapist1")


def test_text_without_headings_has_no_sections():
    assert InstructionSet(instruction_type="soap", title="Mine", version=1, instructions="Be brief.").sections == ()
