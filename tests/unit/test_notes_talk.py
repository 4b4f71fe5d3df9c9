"""Reading a transcript as a conversation: sentences, turns, speakers."""

import pytest

from shared.domain.transcript import Gap, Segment, Transcript
from shared.notes import lexica
from shared.notes.passages import answer_to, questions_before
from shared.notes.roles import roles_in
from shared.notes.talk import LONGEST_SENTENCE, Talk
from tests.talks import NOTES, THERAPY, read_talk, spoken


def sentences(*lines):
    return [sentence.text for sentence in Talk(spoken(*lines)).sentences]


def test_a_title_or_a_decimal_does_not_end_a_sentence():
    assert sentences("C: I saw Dr. Patel. He gave me 12.5 mg. I take it at 8 p.m. daily.") == [
        "I saw Dr. Patel.",
        "He gave me 12.5 mg.",
        "I take it at 8 p.m. daily.",
    ]


def test_a_sentence_across_segments_knows_all_of_them():
    talk = Talk(spoken("C: I slept maybe", "C: four hours. Not more.", "T: I see."))
    assert [(s.text, s.segment_ids) for s in talk.sentences] == [
        ("I slept maybe four hours.", ("s0", "s1")),
        ("Not more.", ("s1",)),
        ("I see.", ("s2",)),
    ]


def test_speech_without_punctuation_is_cut_into_pieces_people_can_read():
    talk = Talk(spoken("C: " + "and then i went home and slept a little " * 20))
    assert len(talk.sentences) > 3
    assert all(len(sentence.words) <= LONGEST_SENTENCE for sentence in talk.sentences)


def test_a_listeners_sound_does_not_break_a_sentence():
    assert sentences("C: Then he started to", "T: Mm-hm.", "C: hit me.", "T: I'm sorry.") == [
        "Then he started to hit me.",
        "Mm-hm.",
        "I'm sorry.",
    ]


def test_a_question_without_its_mark_is_still_a_question():
    talk = Talk(spoken("T: okay have you been sleeping", "C: not really", "T: I have to write this down."))
    assert [sentence.is_question for sentence in talk.sentences] == [True, False, False]


def test_the_answer_is_what_comes_after_the_pause():
    talk = Talk(spoken("T: Any such thoughts?", "C: Um.", "T: Take your time.", "C: Yes. Often.", "T: I see."))
    answer = answer_to(talk, talk.sentences[0])
    assert [sentence.text for sentence in answer] == ["Um.", "Take your time.", "Yes.", "Often."]


def test_nothing_behind_missing_audio_answers_a_question():
    whole = spoken("T: Any such thoughts?", "C: On Sunday, because of school.")
    talk = Talk(whole.model_copy(update={"gaps": (Gap(start_ms=3950, end_ms=None, reason="missing", chunk="1"),)}))
    assert answer_to(talk, talk.sentences[0]) == ()
    assert questions_before(talk, talk.sentences[1]) == ()


def test_a_pattern_is_found_across_a_speaker_change_set_too_early():
    talk = Talk(spoken("C: I wanted to kill", "T: myself that night.", "T: Thank you for telling me."))
    assert {0, 1} <= talk.touching(lexica.risk())


def test_an_empty_transcript_is_an_empty_talk():
    silent = Transcript(segments=(Segment(id="s0", start_ms=0, end_ms=10, speaker="Speaker 1", text="  "),))
    assert Talk(silent).sentences == ()


@pytest.mark.parametrize("path", [path for path in [*NOTES, THERAPY] if path.stem not in ("small_talk", "one_voice")])
def test_the_therapist_is_recognised_by_how_people_talk(path):
    roles = roles_in(Talk(read_talk(path)))
    assert roles.by_speaker == {"Speaker 1": "therapist", "Speaker 2": "client"}


@pytest.mark.parametrize("name", ["small_talk", "one_voice"])
def test_nobody_gets_a_role_when_the_signs_are_not_clear(name):
    roles = roles_in(Talk(read_talk(name)))
    assert roles.by_speaker == {}
    assert roles.label("Speaker 1") == "Speaker 1"


def test_a_given_role_wins_and_settles_the_other():
    roles = roles_in(Talk(read_talk(THERAPY)), {"Speaker 2": "Therapist"})
    assert roles.by_speaker == {"Speaker 2": "therapist", "Speaker 1": "client"}
    assert roles.confidence == 1.0
