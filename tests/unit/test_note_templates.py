"""Templates: what clinicians expect of each format, and what a template file must not lack."""

import pytest
import yaml
from pydantic import ValidationError

from shared.domain.note import ParticipantsType, SessionType
from shared.notes.templates import FOLDER, Template, template_for, templates

INDIVIDUAL = ParticipantsType.INDIVIDUAL

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
    SessionType.DAP: ["Data", "Assessment", "Plan"],
    SessionType.BIRP: ["Behavior", "Intervention", "Response", "Plan"],
    SessionType.GIRP: ["Goals", "Intervention", "Response", "Plan"],
}


@pytest.mark.parametrize(("session_type", "headings"), HEADINGS.items())
def test_sections_stand_in_the_order_of_the_format(session_type, headings):
    template = template_for(session_type, INDIVIDUAL)
    assert [section.title for section in template.sections] == headings


@pytest.mark.parametrize("template", templates().values(), ids=lambda template: template.key)
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
        Template.model_validate(soap(sections=sections))
