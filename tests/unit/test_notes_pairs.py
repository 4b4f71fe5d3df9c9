"""All 39 pairs of format and participants: right sections, what was said under them, evidence for every word."""

import re

import pytest
import yaml

from shared.domain.note import ParticipantsType, Person, Pronouns, SessionType
from shared.notes.evidence import check
from shared.notes.safeguard import safeguarded
from shared.notes.talk import Talk, words_of
from shared.notes.templates import template_for
from shared.notes.wording import content_words
from shared.notes.writer import write_extract
from shared.ports import NoteRequest
from tests.talks import DATA, THERAPY, read_talk, spoken, text_of

INDIVIDUAL, COUPLE, DICTATED = ParticipantsType
SESSIONS = {
    name: spoken(*lines)
    for name, lines in yaml.safe_load((DATA / "notes" / "sessions.yaml").read_text(encoding="utf-8")).items()
} | {"therapy": read_talk(THERAPY)}
PEOPLE = (
    Person(key="o", name="Tom", is_owner=True),
    Person(key="a", name="Anna", pronouns=Pronouns.FEMININE),
    Person(key="b", name="Ben", pronouns=Pronouns.MASCULINE),
)

TREATED = "I've had three panic attacks"
MIRTAZAPINE = "Mirtazapine, fifteen milligrams at night, for two months."
COUNSELLOR = "I saw a counsellor for six months"
WINE = "I drink a bottle of wine at the weekend."
THYROID = "I have an underactive thyroid"
KIN = "My mother had depression and my grandfather was treated for bipolar."
GREW_UP = "I grew up in a small town"
DEAD = "I've thought I'd be better off dead, yes, but I would never do anything."
EPISODE = "I think this is a moderate depressive episode"
INCREASE = "I'd like to increase the mirtazapine to thirty milligrams at night"
SUMMER = "I want to be able to go back to work by summer."
DOG = "What helps is walking the dog with my best friend"
WAKE = "I wake up at three every night."

INDIVIDUALS = {
    SessionType.STANDARD: ("therapy", {"presenting_concerns": [TREATED], "risk": ["thoughts of harming yourself"]}),
    SessionType.SOAP: ("therapy", {"subjective": [TREATED], "plan": ["for homework, continue the breathing"]}),
    SessionType.DAP: ("therapy", {"data": [TREATED], "assessment": ["real progress"]}),
    SessionType.GIRP: ("therapy", {"goals": ["one of our goals"], "intervention": ["thought record together"]}),
    SessionType.BIRP: ("therapy", {"behavior": [TREATED], "response": ["it really helped on the train"]}),
    SessionType.HEADWAY_SOAP: (
        "therapy",
        {
            "subjective": [TREATED, "fifty milligrams a day"],
            "interventions": ["thought record together"],
            "risk": ["thoughts of harming yourself"],
            "assessment": ["real progress"],
            "plan": ["for homework, continue the breathing"],
        },
    ),
    SessionType.INTAKE: (
        "psychiatric",
        {
            "symptoms_functioning": [WAKE],
            "mental_health_history": [COUNSELLOR],
            "medical_history": [MIRTAZAPINE, THYROID],
            "substance_use": [WINE],
            "family_social_history": [KIN, GREW_UP],
            "risk": [DEAD],
            "strengths_supports": [DOG],
            "impressions": [EPISODE],
            "goals_plan": [SUMMER, "I'll refer you for therapy"],
        },
    ),
    SessionType.PSYCHIATRIC_INTAKE: (
        "psychiatric",
        {
            "chief_complaint": ["I'm here because my GP referred me."],
            "present_illness": ["I've been depressed since January", WAKE],
            "psychiatric_history": [COUNSELLOR],
            "medication": [MIRTAZAPINE],
            "substance_use": [WINE],
            "medical_history": [THYROID],
            "family_history": [KIN],
            "social_history": [GREW_UP],
            "mental_status": ["Your affect seems flat.", "Ninety three, eighty six"],
            "risk": [DEAD],
            "assessment": [EPISODE],
            "plan": [INCREASE],
        },
    ),
    SessionType.PSYCHIATRIC_SOAP: (
        "psychiatric",
        {
            "subjective": [DEAD, WAKE, MIRTAZAPINE],
            "objective": ["you're speaking slowly"],
            "assessment": [EPISODE],
            "plan": [INCREASE, "I'll see you again in two weeks"],
        },
    ),
    SessionType.MSE: (
        "psychiatric",
        {
            "speech": ["you're speaking slowly"],
            "mood": ["I've been depressed since January"],
            "affect": ["Your affect seems flat."],
            "thought_process": ["My thoughts are slowed down"],
            "thought_content": [DEAD, "talking about me"],
            "perception": ["No, I don't hear voices."],
            "cognition": ["what day it is today", "Ninety three, eighty six"],
            "insight": ["I think I'm ill, and I know I need help."],
            "judgement": ["spent my savings on a car"],
            "context": [MIRTAZAPINE, WINE],
            "summary_plan": [EPISODE, INCREASE],
        },
    ),
    SessionType.BPS: (
        "psychiatric",
        {
            "presenting_problem": ["I'm here because my GP referred me."],
            "biological": [MIRTAZAPINE, THYROID, WINE, KIN],
            "psychological": [COUNSELLOR],
            "social": [GREW_UP],
            "risk": [DEAD],
            "strengths": [DOG],
            "summary": [EPISODE],
            "recommendations": [SUMMER],
        },
    ),
    SessionType.GP_SOAP: (
        "gp",
        {
            "subjective": ["I've had a cough for ten days", "metformin, five hundred milligrams", "harming yourself?"],
            "objective": ["thirty eight point two", "Your throat is red."],
            "assessment": ["I think this is a chest infection"],
            "plan": ["doxycycline for five days", "Come back straight away"],
        },
    ),
    SessionType.EMDR: (
        "emdr",
        {
            "history_planning": ["harming yourself?", "propranolol, forty milligrams"],
            "preparation": ["remember the stop signal", "My safe place is the beach."],
            "assessment": ["the image of the headlights", "I'm not safe.", "It's an eight."],
            "desensitization": ["Follow my fingers", "The image is getting further away.", "about a two now"],
            "installation": ["It feels completely true, a seven."],
            "body_scan": ["a little tension in my shoulders"],
            "closure": ["keep a log", "next Tuesday at ten"],
            "reevaluation": ["two nightmares since last time"],
        },
    ),
}

FEAR = 'felt afraid of the other, or been hurt by the other?" Anna: "No, never. He\'s never hit me.'
HARM = 'Asked: "Any thoughts of suicide or of harming yourself, Ben?" Ben: "No, nothing like that.'
DOSE = "I take sertraline, fifty milligrams, and I haven't missed a dose."
PLAN = "take a twenty minute break when it gets loud"

DICTATIONS = {
    SessionType.SOAP: {
        "subjective": ["Client reports three panic attacks", "She denies any thoughts of suicide or self-harm."],
        "objective": ["Mood is low.", "PHQ-9 score was fourteen."],
        "assessment": ["Symptoms are consistent with panic disorder."],
        "plan": ["She will call Doctor Patel about the nausea."],
    },
    SessionType.STANDARD: {
        "presenting_concerns": ["Client reports three panic attacks"],
        "medication": ["She takes sertraline fifty milligrams every morning"],
        "risk": ["She denies any thoughts of suicide or self-harm."],
        "goals_plan": ["Next session is Thursday at four o'clock."],
    },
    SessionType.DAP: {"plan": ["Client will continue the breathing every day"]},
    SessionType.MSE: {"mood": ["Mood is low."], "affect": ["Affect was tearful at times."]},
}


def request_of(session_type, participants_type):
    if participants_type is COUPLE:
        return NoteRequest(SESSIONS["couple"], session_type, COUPLE, people=PEOPLE)
    name = INDIVIDUALS[session_type][0] if participants_type is INDIVIDUAL else "dictated"
    return NoteRequest(SESSIONS[name], session_type, participants_type)


def missing(note, expected):
    return [(key, fact) for key, facts in expected.items() for fact in facts if fact not in text_of(note, key)]


@pytest.mark.parametrize("participants_type", ParticipantsType)
@pytest.mark.parametrize("session_type", SessionType)
def test_a_pair_has_its_sections_and_every_word_has_its_evidence(session_type, participants_type):
    request = request_of(session_type, participants_type)
    note = write_extract(request)
    template = template_for(session_type, participants_type)
    assert [s.key for s in note.sections] == [s.key for s in template.sections]
    said = {segment.id: segment.text.replace('"', "'") for segment in request.transcript.segments}
    for section in note.sections:
        for statement in section.statements:
            heard = {word for id_ in statement.evidence for word in content_words(said[id_])}
            words = re.sub(r'[^":.]{0,40}: "', '"', statement.text).replace("No answer recorded.", "")
            assert set(content_words(words)) <= heard, statement.text
    assert check(note, request).findings == ()
    assert safeguarded(note, request) == note


@pytest.mark.parametrize("session_type", SessionType)
def test_what_an_individual_session_holds_lands_in_its_sections(session_type):
    note = write_extract(request_of(session_type, INDIVIDUAL))
    assert missing(note, INDIVIDUALS[session_type][1]) == []


@pytest.mark.parametrize("session_type", SessionType)
def test_a_couples_note_names_who_said_what_and_keeps_them_apart(session_type):
    request = request_of(session_type, COUPLE)
    template = template_for(session_type, COUPLE)
    note = write_extract(request)
    risk = text_of(note, template.risk_section.key)
    assert FEAR in risk
    assert HARM in risk
    assert DOSE in text_of(note)
    assert PLAN in text_of(note)
    assert "Client" not in text_of(note)
    for planned in template.sections:
        if planned.partner is not None:
            own, other = (("Anna", "Ben"), ("Ben", "Anna"))[planned.partner]
            section = next(section for section in note.sections if section.key == planned.key)
            assert section.title.endswith(f": {own}")
            assert all(f"{other}:" not in statement.text for statement in section.statements)
            assert f"{own}:" in text_of(note)


def test_a_partners_medicine_stands_with_that_partner():
    note = write_extract(request_of(SessionType.SOAP, COUPLE))
    assert DOSE in text_of(note, "subjective_second")
    assert DOSE not in text_of(note, "subjective_first")


def test_partners_nobody_named_keep_their_labels():
    note = write_extract(NoteRequest(SESSIONS["couple"], SessionType.SOAP, COUPLE))
    assert f'Speaker 3: "{DOSE}' in text_of(note, "subjective_second")
    assert "Client" not in text_of(note)


@pytest.mark.parametrize("session_type", SessionType)
def test_a_dictated_note_says_everything_that_was_dictated_once_and_ascribes_none_of_it(session_type):
    request = request_of(session_type, DICTATED)
    note = write_extract(request)
    statements = [s for section in note.sections for s in section.statements]
    headings = {"subjective", "objective", "assessment", "plan", "um"}
    dictated = [s.text for s in Talk(request.transcript).sentences if set(s.words) - headings]
    assert sorted(words_of(s.text)[-3:] for s in statements) == sorted(words_of(text)[-3:] for text in dictated)
    assert '"' not in text_of(note)
    assert missing(note, DICTATIONS.get(session_type, {})) == []
    assert [s.text for s in statements if s.risk] == ["She denies any thoughts of suicide or self-harm."]


def test_a_dictated_examination_stands_under_the_headings_spoken():
    note = write_extract(NoteRequest(SESSIONS["dictated_mse"], SessionType.MSE, DICTATED))
    assert {section.key: [s.text for s in section.statements] for section in note.sections} == {
        "appearance": ["Well groomed and casually dressed."],
        "behaviour": ["Behaviour was cooperative with good eye contact."],
        "speech": ["Speech is slow and soft."],
        "mood": ["The patient says he is fed up."],
        "affect": ["Affect is blunted."],
        "thought_process": ["Thought process is linear."],
        "thought_content": ["No delusions.", "He has passive suicidal ideation without plan or intent."],
        "perception": ["He hears a voice calling his name at night."],
        "cognition": ["Oriented to time and place.", "He recalled two of three words."],
        "insight": ["Insight is partial."],
        "judgement": ["Judgment is intact."],
        "context": [],
        "summary_plan": ["Increase mirtazapine to thirty milligrams and see him in two weeks."],
    }
