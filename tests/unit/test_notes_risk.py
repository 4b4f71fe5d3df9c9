"""Risk: every mention is told, with its question and its answer, whoever it is about."""

import pytest

from shared.domain.note import ParticipantsType, SessionType
from shared.notes.safeguard import safeguarded
from shared.notes.templates import template_for
from shared.notes.writer import write_extract
from shared.ports import NoteRequest
from tests.talks import read_talk, risk_of, spoken, text_of

FORMATS = list(SessionType)


def told(transcript, **request):
    return "\n".join(risk_of(write_extract(NoteRequest(transcript, **request))))


@pytest.mark.parametrize("session_type", FORMATS)
def test_a_crisis_is_told_whole_in_every_format(session_type):
    note = write_extract(NoteRequest(read_talk("crisis"), session_type))
    place = template_for(session_type, ParticipantsType.INDIVIDUAL).risk_section
    for said in [
        'ending your life?" Client: "Um." Therapist: "Take your time." Client: "Yes. Since my wife left',
        'how you would do it?" Client: "I\'ve been saving my pills. There are about forty tablets',
        'Asked: "Do you have a plan for when?" Client: "Not a date.',
        'Asked: "Have you ever tried before?" Client: "Once, when I was nineteen. I took an overdose',
        'Asked: "Is there anything that stops you?" Client: "My daughter.',
        'Asked: "And any thoughts of hurting anyone else?" Client: "No, never."',
        "write a safety plan together now",
        "save nine eight eight in your phone",
    ]:
        assert said in text_of(note, place.key)


def test_denials_are_told_with_their_questions():
    assert risk_of(write_extract(NoteRequest(read_talk("denial")))) == [
        'Asked: "Any thoughts of suicide or of hurting yourself?" Client: "No, nothing like that at all."',
        'Asked: "Any urges to cut yourself, like last year?" '
        'Client: "Not since March. I don\'t want to do that any more."',
        'Asked: "And do you feel safe at home?" Client: "Yeah, completely. Things with my mum are calmer."',
    ]


def test_what_happened_to_others_is_told_as_theirs():
    text = told(read_talk("third_person"))
    assert "My brother killed himself three years ago." in text
    assert "Her boyfriend hits her when he's drunk, and she won't tell anyone." in text
    assert 'Asked: "Is she safe at the moment?" Client: "She\'s staying with our parents until Sunday."' in text


def test_a_question_lost_in_missing_audio_stays_unanswered():
    text = told(read_talk("overlap_and_gap"))
    assert 'Asked: "Have you had any thoughts of killing yourself?" No answer recorded.' in text
    assert "then he started to hit me, in front of the kids." in text


def test_recogniser_noise_hides_nothing():
    text = told(read_talk("recogniser_noise"))
    assert "no no nothing like that i mean sometimes i think i don't want to be here" in text
    assert "not wake up" in text


def test_a_question_the_recogniser_garbled_keeps_its_answer():
    transcript = spoken(
        "T: Thank you for telling me. Please talk to Dr. Patel, of course, and you had any thoughts upon yourself.",
        "C: No, nothing like that. I just feel exhausted.",
        "T: Okay, did you manage to practise the breathing exercise?",
    )
    assert told(transcript) == (
        'Therapist: "Please talk to Dr. Patel, of course, and you had any thoughts upon yourself." '
        'Client: "No, nothing like that. I just feel exhausted."'
    )


def test_one_voice_keeps_question_and_answer_together():
    assert "thoughts of harming yourself? No, nothing like that." in told(read_talk("one_voice"))


@pytest.mark.parametrize(
    "said",
    [
        "Sometimes I don\u2019t want to live any more.",
        "I wish I was dead.",
        "They'd be better off without me.",
        "I just want to disappear.",
        "I thought about jumping off the roof.",
        "I've been cutting again.",
        "I cut my arms on Tuesday.",
        "I self harmed last night.",
        "I'm going to kill him.",
        "My father used to beat us.",
        "My uncle touched me when I was nine.",
        "He raped me.",
        "There's a gun in the house.",
        "I took all my tablets at once.",
        "I can't go on like this.",
        "The voices tell me to hurt people.",
        "I don't feel safe at home.",
        "I was hospitalised after an over dose.",
        "I don't see any point in living.",
        "I've written a goodbye letter.",
        "I was assaulted on the way home.",
        "My stepdad chokes my mother.",
    ],
)
def test_people_say_it_in_many_ways(said):
    assert said in told(spoken("T: Tell me about your week.", f"C: It was long. {said} That's all.", "T: I see."))


@pytest.mark.parametrize(
    "said",
    ["My back is killing me.", "I nailed the deadline.", "We cut the cake.", "I'd die for a coffee.", "I shot a film."],
)
def test_figures_of_speech_are_no_risk(said):
    assert told(spoken("T: Tell me about your week.", f"C: {said}", "T: I see.")) == ""


def test_a_mention_the_writer_left_out_is_put_back():
    transcript = read_talk("crisis")
    note = write_extract(NoteRequest(transcript))
    silent = note.model_copy(
        update={"sections": tuple(s.model_copy(update={"statements": ()}) for s in note.sections if s.key != "risk")}
    )
    mended = safeguarded(silent, NoteRequest(transcript))
    assert "any thoughts of ending your life" in text_of(mended, "risk")
    assert "I took an overdose" in text_of(mended, "risk")
    assert safeguarded(mended, NoteRequest(transcript)) == mended


def test_a_mention_already_told_is_not_told_twice():
    transcript = read_talk("denial")
    note = write_extract(NoteRequest(transcript))
    assert safeguarded(note, NoteRequest(transcript)) == note
