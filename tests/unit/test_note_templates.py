"""Templates: what clinicians expect of each format, and what a template file must not lack."""

import pytest
import yaml
from pydantic import ValidationError

from shared.domain.note import ParticipantsType, SessionType
from shared.notes.templates import FOLDER, Format, template_for, template_of, templates

INDIVIDUAL, COUPLE, DICTATED = ParticipantsType

HEADINGS = {
    SessionType.STANDARD: [
        "Presenting concerns",
        "Symptoms and functioning",
        "Medication",
        "Risk and safety",
        "Interventions",
        "Progress and response",
        "Goals and plan",
    ],
    SessionType.SOAP: ["Subjective", "Objective", "Assessment", "Plan"],
    SessionType.PSYCHIATRIC_SOAP: ["Subjective", "Objective", "Assessment", "Plan"],
    SessionType.GP_SOAP: ["Subjective", "Objective", "Assessment", "Plan"],
    SessionType.HEADWAY_SOAP: [
        "Subjective",
        "Objective",
        "Interventions and response",
        "Risk assessment and safety plan",
        "Assessment",
        "Plan",
    ],
    SessionType.DAP: ["Data", "Assessment", "Plan"],
    SessionType.BIRP: ["Behavior", "Intervention", "Response", "Plan"],
    SessionType.GIRP: ["Goals", "Intervention", "Response", "Plan"],
    SessionType.MSE: [
        "Appearance",
        "Behaviour",
        "Speech",
        "Mood",
        "Affect",
        "Thought process",
        "Thought content",
        "Perception",
        "Cognition",
        "Insight",
        "Judgement",
        "Medication and context",
        "Summary and plan",
    ],
    SessionType.EMDR: [
        "Phase 1: History and treatment planning",
        "Phase 2: Preparation",
        "Phase 3: Assessment",
        "Phase 4: Desensitization",
        "Phase 5: Installation",
        "Phase 6: Body scan",
        "Phase 7: Closure",
        "Phase 8: Reevaluation",
    ],
    SessionType.INTAKE: [
        "Presenting problem",
        "Current symptoms and functioning",
        "Mental health history",
        "Medical history and medication",
        "Substance use",
        "Family and social history",
        "Risk and safety",
        "Strengths and supports",
        "Clinical impressions",
        "Goals and plan",
    ],
    SessionType.PSYCHIATRIC_INTAKE: [
        "Chief complaint",
        "History of present illness",
        "Psychiatric history",
        "Medications and allergies",
        "Substance use",
        "Medical history",
        "Family history",
        "Social and developmental history",
        "Mental status examination",
        "Risk assessment",
        "Assessment and formulation",
        "Plan",
    ],
    SessionType.BPS: [
        "Presenting problem",
        "Biological factors",
        "Psychological factors",
        "Social factors",
        "Risk and safety",
        "Strengths and protective factors",
        "Clinical summary",
        "Recommendations and plan",
    ],
}


def titles(session_type, participants_type):
    return [section.title for section in template_for(session_type, participants_type).sections]


@pytest.mark.parametrize("session_type", SessionType)
def test_sections_stand_in_the_order_of_the_format(session_type):
    assert titles(session_type, INDIVIDUAL) == HEADINGS[session_type]


@pytest.mark.parametrize("session_type", SessionType)
def test_a_dictated_note_has_the_sections_of_its_format(session_type):
    assert titles(session_type, DICTATED) == HEADINGS[session_type]
    for section in template_for(session_type, DICTATED).sections:
        assert "The clinician dictates" in section.guidance


@pytest.mark.parametrize(
    "session_type", [kind for kind in SessionType if kind not in (SessionType.MSE, SessionType.EMDR)]
)
def test_partners_of_a_couple_have_sections_of_their_own(session_type):
    sections = template_for(session_type, COUPLE).sections
    first = [section.title.removesuffix(": first partner") for section in sections if section.partner == 0]
    second = [section.title.removesuffix(": second partner") for section in sections if section.partner == 1]
    assert len(first) == 1
    assert first == second
    shared = {section.title for section in sections if section.partner is None}
    assert shared - {"Relationship and interaction", "Risk and safety"} == set(HEADINGS[session_type]) - {
        *first,
        "Risk and safety",
    }
    assert "Relationship and interaction" in shared


@pytest.mark.parametrize("session_type", SessionType)
def test_a_couples_risk_is_no_partners_own_section(session_type):
    template = template_for(session_type, COUPLE)
    assert template.risk_section.partner is None
    assert all("keep them apart" in s.guidance for s in template.sections if s.key not in ("together", "risk"))


def test_examinations_have_the_same_headings_for_couples():
    for session_type in (SessionType.MSE, SessionType.EMDR):
        assert titles(session_type, COUPLE) == HEADINGS[session_type]


def test_there_is_a_template_for_every_pair():
    assert set(templates()) == {(session, people) for session in SessionType for people in ParticipantsType}


@pytest.mark.parametrize("template", templates().values(), ids=lambda template: template.title)
def test_every_section_tells_its_writer_what_belongs_there(template):
    assert all(len(section.guidance.split()) >= 25 for section in template.sections)
    assert "denials included" in template.risk_section.guidance


def soap(**changes):
    return yaml.safe_load((FOLDER / "soap.yaml").read_text(encoding="utf-8")) | changes


def section(**changes):
    guidance = "What belongs here and what does not, denials included."
    takes = [{"kind": "report", "topics": ["medication"]}]
    return {"key": "all", "title": "All", "guidance": guidance, "risk": True, "takes": takes} | changes


@pytest.mark.parametrize(
    ("sections", "complaint"),
    [
        ([section(risk=False)], "place for risk"),
        ([section(), section(key="more")], "place for risk"),
        ([section(), section(risk=False)], "keys must differ"),
        ([section(takes=[])], "must take medication"),
        ([section(takes=[{"kind": "report"}])], "needs topics"),
        ([section(takes=[{"kind": "report", "topics": ["sleeep"]}])], "sleeep"),
        ([section(takes=[{"kind": "gossip"}])], "gossip"),
        ([section(guidence="misspelt")], "guidence"),
    ],
)
def test_a_template_that_would_lose_something_is_refused(sections, complaint):
    with pytest.raises(ValidationError, match=complaint):
        template_of(Format.model_validate(soap(sections=sections)))
