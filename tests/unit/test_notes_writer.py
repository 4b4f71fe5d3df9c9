"""The extractive writer: the right facts under the right headings, and nothing but what was said."""

import pytest

from bench.notes import hour_of_talk
from shared.domain.note import ParticipantsType, SessionType, render_markdown
from shared.domain.transcript import Transcript
from shared.notes.evidence import check
from shared.notes.templates import template_for
from shared.notes.writer import write_extract
from shared.ports import NoteRequest
from tests.talks import NOTES, THERAPY, read_talk, risk_of, spoken, text_of

FORMATS = list(SessionType)

PANIC = "I've had three panic attacks, and one of them was at work"
SLEEP = "I'm sleeping maybe four or five hours a night."
DOSE = (
    'Asked: "Are you still taking the sertraline your doctor prescribed, fifty milligrams a day?" Client: "Yes, every'
)
NAUSEA = "it makes me nauseous, so I skipped it twice last week."
DENIAL = 'Asked: "Have you had any thoughts of harming yourself?" Client: "No, nothing like that.'
BREATHING = "I did the breathing almost every day and it really helped on the train."
HALF_DONE = "The thought record I only did once because I didn't know what to write."
TOGETHER = "Let's fill in a thought record together using the meeting as the example."
PROGRESS = "Doing the breathing daily is real progress."
WEDDING = "my sister is getting married in June and I'm scared I'll panic at the wedding."
GOAL = "Let's make that one of our goals."
EXPOSURE = "We can build a gradual exposure plan"
LUNCH = "I could start by having lunch with two colleagues this week."
HOMEWORK = (
    "continue the breathing every day, complete two thought records, have that lunch, "
    "and call Doctor Patel about the nausea."
)
NEXT = 'Client asked: "Same time next Thursday?" Therapist: "Yes, next Thursday at four o\'clock.'
ADVICE = "Please talk to Doctor Patel before skipping doses."

EXPECTED = {
    SessionType.STANDARD: {
        "presenting_concerns": [PANIC, WEDDING],
        "symptoms_functioning": [SLEEP, "exhausted and a bit hopeless"],
        "medication": [DOSE, NAUSEA, ADVICE],
        "risk": [DENIAL],
        "interventions": [TOGETHER],
        "progress_response": [BREATHING, HALF_DONE, PROGRESS],
        "goals_plan": [WEDDING, GOAL, EXPOSURE, LUNCH, HOMEWORK, NEXT],
    },
    SessionType.SOAP: {
        "subjective": [PANIC, SLEEP, DOSE, NAUSEA, DENIAL, WEDDING],
        "objective": [TOGETHER],
        "assessment": [PROGRESS, BREATHING],
        "plan": [HOMEWORK, LUNCH, NEXT, ADVICE, GOAL, EXPOSURE],
    },
    SessionType.DAP: {
        "data": [PANIC, SLEEP, DOSE, NAUSEA, DENIAL, WEDDING, TOGETHER],
        "assessment": [PROGRESS, BREATHING, HALF_DONE],
        "plan": [HOMEWORK, LUNCH, NEXT, ADVICE, GOAL],
    },
    SessionType.BIRP: {
        "behavior": [PANIC, SLEEP, DOSE, NAUSEA, DENIAL, WEDDING],
        "intervention": [TOGETHER, ADVICE],
        "response": [BREATHING, HALF_DONE, PROGRESS],
        "plan": [HOMEWORK, LUNCH, NEXT, GOAL],
    },
    SessionType.GIRP: {
        "goals": [WEDDING, GOAL],
        "intervention": [TOGETHER, ADVICE],
        "response": [PANIC, SLEEP, DOSE, NAUSEA, DENIAL, BREATHING, HALF_DONE, PROGRESS],
        "plan": [HOMEWORK, LUNCH, NEXT, EXPOSURE],
    },
}


def write(transcript, session_type=SessionType.STANDARD, roles=None):
    return write_extract(NoteRequest(transcript, session_type, roles=roles or {}))


@pytest.mark.parametrize("session_type", EXPECTED)
def test_the_facts_of_the_therapy_session_land_under_their_headings(session_type):
    note = write(read_talk(THERAPY), session_type)
    missing = [
        (key, fact) for key, facts in EXPECTED[session_type].items() for fact in facts if fact not in text_of(note, key)
    ]
    assert missing == []
    assert [section.key for section in note.sections] == list(EXPECTED[session_type])


@pytest.mark.parametrize("session_type", FORMATS)
@pytest.mark.parametrize("path", [*NOTES, THERAPY], ids=lambda path: path.stem)
def test_what_it_writes_holds_before_the_evidence_checker(path, session_type):
    transcript = read_talk(path)
    note = write(transcript, session_type)
    assert check(note, NoteRequest(transcript, session_type)).findings == ()


def test_small_talk_gives_an_empty_note():
    note = write(read_talk("small_talk"))
    assert text_of(note) == ""
    assert note.topics == ()


def test_silence_gives_an_empty_note():
    assert text_of(write(Transcript())) == ""


def test_the_assessment_holds_no_diagnosis_nobody_made():
    talk = spoken("T: How have you been sleeping?", "C: I can't sleep, I can't eat, I feel hopeless every day.")
    assert text_of(write(talk, SessionType.SOAP), "assessment") == ""
    assert text_of(write(talk, SessionType.SOAP), "objective") == ""


def test_a_short_answer_comes_with_its_question():
    talk = spoken("T: Hi, how is your appetite?", "C: Not great.", "T: And your sleep?", "C: About five hours.")
    note = write(talk, roles={"Speaker 1": "therapist"})
    assert text_of(note) == (
        'Asked: "Hi, how is your appetite?" Client: "Not great."\nAsked: "And your sleep?" Client: "About five hours."'
    )


def test_a_question_cut_in_two_is_quoted_whole():
    talk = spoken(
        "T: Are you still taking the search line your doctor prescribed? 50 milligrams a day?",
        "C: Yes, every morning, but I skipped it twice.",
    )
    assert text_of(write(talk), "medication") == (
        'Asked: "Are you still taking the search line your doctor prescribed? 50 milligrams a day?" '
        'Client: "Yes, every morning, but I skipped it twice."'
    )


def test_every_medicine_and_dose_is_told_even_in_a_long_session():
    lines = [f"C: I took my medication on day {n}, two tablets, and skipped it after that." for n in range(40)]
    note = write(spoken("T: How have you been?", *lines, "T: Doctor Lee mentioned lamotrigine, 25 mg.", "C: Right."))
    assert "lamotrigine, 25 mg" in text_of(note, "medication")


def test_changes_of_medication_keep_names_doses_and_negation():
    told = text_of(write(read_talk("medication_changes")), "medication")
    for said in [
        "one hundred and fifty milligrams of venlafaxine three weeks ago. Before that it was seventy five.",
        'Asked: "And the quetiapine?" Client: "He lowered it from 100 mg to 50 mg at night because I was so drowsy."',
        'Asked: "Are you still taking the lorazepam?" Client: "No. I haven\'t taken lorazepam since January."',
        'Asked: "What about the folic acid?" Client: "Point four milligrams a day',
        "I forgot the venlafaxine on two mornings",
        "Please don't stop either of them suddenly.",
    ]:
        assert said in told


@pytest.mark.parametrize("session_type", EXPECTED)
def test_an_hour_gives_a_note_people_read(session_type):
    note = write(hour_of_talk(), session_type)
    template = template_for(session_type, ParticipantsType.INDIVIDUAL)
    for section, plan in zip(note.sections, template.sections, strict=True):
        told = [statement for statement in section.statements if not statement.risk]
        assert len(told) <= plan.at_most or plan == template.medication_section()
        assert section.statements
    assert len(text_of(note).split()) < 1500


def test_nothing_is_said_twice():
    talk = read_talk(THERAPY)
    twice = talk.segments + tuple(s.model_copy(update={"id": f"again-{s.id}"}) for s in talk.segments)
    note = write(talk.model_copy(update={"segments": twice}))
    statements = [s.text for section in note.sections for s in section.statements if not s.risk]
    assert len(statements) == len(set(statements))


def test_sentences_that_differ_in_a_number_or_a_negation_are_both_told():
    talk = spoken(
        "T: How have you been since our last session?",
        "C: In the first week I slept four hours a night. I took my tablets every evening.",
        "T: I see. And after that?",
        "C: In the second week I slept six hours a night. I didn't take my tablets every evening.",
    )
    told = text_of(write(talk))
    assert "four hours" in told
    assert "six hours" in told
    assert "I took my tablets" in told
    assert "I didn't take my tablets" in told


def test_without_clear_roles_speakers_keep_their_labels():
    told = text_of(write(read_talk("one_voice")))
    assert 'Speaker 1: "Are you still on fluoxetine? Yes, twenty milligrams. I missed one dose on Sunday."' in told
    assert "Client" not in told


def test_given_roles_decide_who_said_it():
    swapped = write(read_talk(THERAPY), roles={"Speaker 1": "client", "Speaker 2": "therapist"})
    assert "Therapist: \"I've had three panic attacks" not in text_of(swapped, "presenting_concerns")


def test_topics_are_phrases_that_were_spoken():
    topics = write(read_talk(THERAPY)).topics
    assert {"panic attacks", "sleep", "sertraline", "breathing exercise"} <= set(topics)
    assert "self-harm" not in topics


def test_markdown_shows_risk_first_and_marked():
    transcript = read_talk("denial")
    shown = render_markdown(write(transcript, SessionType.DAP), {s.id: s for s in transcript.segments})
    bullets = shown.splitlines()
    assert bullets[2].startswith('- **Risk** Asked: "Any thoughts of suicide or of hurting yourself?" Client: "No,')
    assert bullets[2].endswith("[00:00 Speaker 1; 00:07 Speaker 2]")
    assert len(risk_of(write(transcript, SessionType.DAP))) == shown.count("**Risk**")


def test_markdown_calls_speakers_by_their_names():
    transcript = read_talk("denial")
    note = write(transcript, SessionType.DAP)
    shown = render_markdown(note, {s.id: s for s in transcript.segments}, {"Speaker 2": "Anna"})
    assert "[00:00 Speaker 1; 00:07 Anna]" in shown
