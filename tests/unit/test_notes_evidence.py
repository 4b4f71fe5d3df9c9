"""The evidence checker: what a note says must be what its evidence says, whoever wrote the note."""

import logging

import pytest

from shared.domain.note import Note, ParticipantsType, Person, Pronouns, Section, SessionType, Statement
from shared.notes.evidence import Flaw, check, supported
from shared.ports import NoteRequest
from tests.talks import spoken

TALK = spoken(
    "T: How have you been since our last session?",  # s0
    "C: I've had three panic attacks at work.",  # s1
    "T: Are you still taking the sertraline, fifty milligrams a day?",  # s2
    "C: Yes, every morning, and quetiapine 100 mg at night. It makes me nauseous, so I skipped it twice.",  # s3
    "T: Please talk to Doctor Patel. Have you had any thoughts of harming yourself?",  # s4
    "C: No, nothing like that. I just feel hopeless about work.",  # s5
    "T: Do you sleep well?",  # s6
    "C: I can't sleep more than four hours.",  # s7
    "T: Doing the breathing daily is real progress.",  # s8
)


def note(*statements, section="all"):
    return Note(
        session_type=SessionType.SOAP,
        participants_type=ParticipantsType.INDIVIDUAL,
        template_version=1,
        sections=(Section(key=section, title="All", statements=statements),),
    )


def flaw(text, *evidence):
    found = check(note(Statement(text=text, evidence=evidence)), NoteRequest(TALK)).findings
    return found[0].flaw if found else None


@pytest.mark.parametrize(
    ("text", "evidence"),
    [
        ('Client: "I\'ve had three panic attacks at work."', ["s1"]),
        ("Client: \u201cI\u2019ve had three panic attacks\u201d", ["s1"]),
        ('Client: "Yes, every morning \u2026 so I skipped it twice."', ["s3"]),
        ('Asked: "Have you had any thoughts of harming yourself?" Client: "No, nothing like that."', ["s4", "s5"]),
        ('Therapist: "Do you sleep well?"', ["s6"]),
        ("Client reports 3 panic attacks at work.", ["s1"]),
        ("Client takes sertraline 50 mg every morning and skipped it twice due to nausea.", ["s2", "s3"]),
        ("Client takes quetiapine 100 mg at night.", ["s3"]),
        ("Client denies thoughts of self-harm.", ["s4", "s5"]),
        ("Client denied any suicidal thoughts or thoughts of harming themselves.", ["s4", "s5"]),
        ("Client feels hopeless about work.", ["s5"]),
        ("Client cannot sleep more than 4 hours.", ["s7"]),
        ("Therapist noted that daily breathing is real progress.", ["s8"]),
        ("Therapist advised talking to Doctor Patel.", ["s4"]),
    ],
)
def test_what_was_said_holds(text, evidence):
    assert flaw(text, *evidence) is None


@pytest.mark.parametrize(
    ("text", "evidence", "expected"),
    [
        ('Client: "I\'ve had three panic attacks at work."', ["s99"], Flaw.NO_SUCH_EVIDENCE),
        ('Client: "I\'ve had four panic attacks at work."', ["s1"], Flaw.NOT_SAID),
        ('Client: "I\'ve had three panic attacks at work."', ["s5"], Flaw.NOT_SAID),
        ('Client: "Doing the breathing daily is real progress."', ["s8"], Flaw.SPEAKER),
        ('Client: "sleep more than four hours."', ["s7"], Flaw.TORN),
        (
            'Asked: "Have you had any thoughts of harming yourself?" Client: "Yes, every morning"',
            ["s4", "s3"],
            Flaw.WRONG_ANSWER,
        ),
        ("Client reports five panic attacks at work.", ["s1"], Flaw.NUMBER),
        ("Client takes sertraline 50 mcg.", ["s2", "s3"], Flaw.NUMBER),
        ("Client takes fluoxetine 50 mg every morning.", ["s2", "s3"], Flaw.MEDICINE),
        ("Client takes quetiapine 50 mg at night.", ["s2", "s3"], Flaw.MEDICINE),
        ("Client reports thoughts of self-harm.", ["s4", "s5"], Flaw.NEGATION),
        ("Client denies feeling hopeless about work.", ["s5"], Flaw.NEGATION),
        ("Client has suicidal ideation.", ["s4", "s5"], Flaw.NOT_COVERED),
        ("Client takes sertraline 50 mg for thoughts of self-harm.", ["s2", "s3", "s4", "s5"], Flaw.NEGATION),
        ("Client takes sertraline 50 mg daily for self-harm.", ["s2", "s3"], Flaw.NOT_COVERED),
        ("Client denies thoughts of self-harm, plan, intent and access to means.", ["s4", "s5"], Flaw.NOT_COVERED),
        ("Client can sleep more than 4 hours.", ["s7"], Flaw.NEGATION),
        ("Client talked to Doctor Patel.", ["s4"], Flaw.SPEAKER),
        ("Client has a major depressive disorder with anhedonia.", ["s1", "s5"], Flaw.NOT_COVERED),
        ("Client denies thoughts of self-harm.", ["s4"], Flaw.SPEAKER),
    ],
)
def test_what_was_not_said_does_not(text, evidence, expected):
    assert flaw(text, *evidence) == expected


def test_only_what_holds_stays_in_the_note():
    good = Statement(text='Client: "I can\'t sleep more than four hours."', evidence=("s7",))
    bad = Statement(text="Client sleeps nine hours.", evidence=("s7",))
    checked = check(note(good, bad), NoteRequest(TALK))
    assert checked.note.sections[0].statements == (good,)
    assert checked.dropped == {"all": 1}
    assert [finding.position for finding in checked.findings] == [1]


def test_the_log_counts_what_was_dropped_and_repeats_none_of_it(caplog):
    bad = Statement(text="Client sleeps nine hours.", evidence=("s7",))
    with caplog.at_level(logging.DEBUG):
        assert supported(note(bad, bad, section="plan"), NoteRequest(TALK)).sections[0].statements == ()
    assert [record.getMessage() for record in caplog.records] == ["unsupported statements dropped: 2 in section plan"]


def test_a_note_that_holds_is_not_touched_and_not_logged(caplog):
    whole = note(Statement(text='Client: "I just feel hopeless about work."', evidence=("s5",)))
    with caplog.at_level(logging.DEBUG):
        assert supported(whole, NoteRequest(TALK)) == whole
    assert caplog.records == []


def test_given_roles_decide_who_may_have_said_it():
    quote = note(Statement(text='Client: "Doing the breathing daily is real progress."', evidence=("s8",)))
    assert check(quote, NoteRequest(TALK, roles={"Speaker 1": "client", "Speaker 2": "therapist"})).findings == ()


# ---- names, pronouns, couples, dictation ----------------------------------------------------------------------------

TOM = Person(key="o", name="Tom", is_owner=True)
ANNA = Person(key="a", name="Anna", pronouns=Pronouns.FEMININE)
BEN = Person(key="b", name="Ben", pronouns=Pronouns.MASCULINE)
SAM = Person(key="s", name="Sam", pronouns=Pronouns.NEUTRAL)
GIVEN = {"Speaker 1": "o", "Speaker 2": "a", "Speaker 3": "b"}
PARTNERS = spoken(
    "T: How was the weekend?",  # s0
    "C: We argued about money. I felt sad and my mother rang.",  # s1
    "Speaker 3: I left the room, I slept four hours.",  # s2
)


def flaw_in(request, text, *evidence):
    found = check(note(Statement(text=text, evidence=evidence)), request).findings
    return found[0].flaw if found else None


def couple(text, *evidence):
    request = NoteRequest(
        PARTNERS, SessionType.SOAP, ParticipantsType.COUPLE, people=(TOM, ANNA, BEN), identities=GIVEN
    )
    return flaw_in(request, text, *evidence)


@pytest.mark.parametrize(
    ("text", "evidence"),
    [
        ('Anna: "We argued about money."', ["s1"]),
        ('Tom asked: "How was the weekend?" Anna: "We argued about money."', ["s0", "s1"]),
        ("Anna reports that they argued about money and that she felt sad.", ["s1"]),
        ("Ben left the room and slept 4 hours.", ["s2"]),
        ("Anna felt sad, and her mother rang; she argued.", ["s1"]),
    ],
)
def test_a_partner_is_named_as_given(text, evidence):
    assert couple(text, *evidence) is None


@pytest.mark.parametrize(
    ("text", "evidence", "expected"),
    [
        ('Ben: "We argued about money."', ["s1"], Flaw.SPEAKER),
        ("Ben felt sad.", ["s1"], Flaw.SPEAKER),
        ("Anna left the room.", ["s2"], Flaw.SPEAKER),
        ("Anna felt sad and he argued about money.", ["s1"], Flaw.PRONOUN),
        ("Ben left the room, and she slept four hours.", ["s2"], Flaw.PRONOUN),
    ],
)
def test_one_partners_words_are_never_the_others(text, evidence, expected):
    assert couple(text, *evidence) == expected


@pytest.mark.parametrize(
    ("person", "text", "expected"),
    [
        (ANNA, "Client reports that he feels hopeless about work.", Flaw.PRONOUN),
        (ANNA, "Anna feels hopeless about her work.", None),
        (BEN, "Ben feels hopeless about her work.", Flaw.PRONOUN),
        (SAM, "Sam feels hopeless about his work.", Flaw.PRONOUN),
        (SAM, "Sam feels hopeless about their work.", None),
        (Person(key="x", name="Kim"), "Kim feels hopeless about his work.", None),
    ],
)
def test_a_pronoun_nobody_gave_does_not_stand(person, text, expected):
    request = NoteRequest(TALK, people=(TOM, person), identities={"Speaker 1": "o", "Speaker 2": person.key})
    assert flaw_in(request, text, "s5") == expected


def test_a_pronoun_may_be_another_persons():
    talk = spoken("T: How was it?", "C: My husband slept badly and I felt hopeless.")
    request = NoteRequest(talk, people=(TOM, ANNA), identities={"Speaker 2": "a", "Speaker 1": "o"})
    assert flaw_in(request, "Anna felt hopeless; her husband said he slept badly.", "s1") is None


def test_a_name_with_a_full_stop_is_a_label():
    lee = Person(key="l", name="Dr. Lee", is_owner=True)
    request = NoteRequest(TALK, people=(lee, ANNA), identities={"Speaker 1": "l", "Speaker 2": "a"})
    assert flaw_in(request, 'Dr. Lee: "Doing the breathing daily is real progress."', "s8") is None
    assert flaw_in(request, 'Anna: "Doing the breathing daily is real progress."', "s8") == Flaw.SPEAKER


def test_a_name_nobody_could_be_matched_to_is_no_partners():
    request = NoteRequest(PARTNERS, SessionType.SOAP, ParticipantsType.COUPLE, people=(TOM, ANNA, BEN))
    assert flaw_in(request, 'Anna: "We argued about money."', "s1") == Flaw.SPEAKER
    assert flaw_in(request, 'Speaker 2: "We argued about money."', "s1") is None


def test_dictated_words_are_held_by_the_dictation_whoever_they_are_about():
    talk = spoken("Speaker 1: Client denies suicidal thoughts. She sleeps four hours. Plan: review in two weeks.")
    request = NoteRequest(talk, SessionType.SOAP, ParticipantsType.DICTATED_NOTES)
    assert flaw_in(request, "Client denies suicidal thoughts.", "s0") is None
    assert flaw_in(request, "Review in two weeks.", "s0") is None
    assert flaw_in(request, "Client reports suicidal thoughts.", "s0") == Flaw.NEGATION
    assert flaw_in(request, "She sleeps five hours.", "s0") == Flaw.NUMBER
