"""Who is who: speakers matched to people by how they talk and whom they name, and nobody named when unsure."""

import pytest

from shared.domain.note import ParticipantsType, Person
from shared.domain.transcript import Transcript
from shared.notes.people import identify
from tests.talks import THERAPY, read_talk, spoken

TOM = Person(key="owner", name="Tom", is_owner=True)
MARIA = Person(key="m", name="Maria")
ANNA, BEN = Person(key="a", name="Anna"), Person(key="b", name="Ben")
COUPLE, DICTATED = ParticipantsType.COUPLE, ParticipantsType.DICTATED_NOTES

PARTNERS = spoken(
    "T: Welcome back, both of you. How have things been since our last session?",
    "S2: Not great. I feel we had the same fight about money again, and I just shut down.",
    "S3: I wanted to talk about it, but I got nowhere. I'm tired of asking.",
    "T: Thanks, {S3}. {S2}, what happens for you when you shut down?",
    "S2: I can't think. My head goes blank and I leave the room.",
    "T: And what is that like for you, {S3}?",
    "S3: I feel alone with it, honestly.",
)


def couple(**names):
    fill = {"S2": names.get("S2", "please"), "S3": names.get("S3", "there")}
    segments = tuple(s.model_copy(update={"text": s.text.format(**fill)}) for s in PARTNERS.segments)
    return PARTNERS.model_copy(update={"segments": segments})


def names(identities):
    return {one.speaker: one.person.name if one.person else None for one in identities}


def roles(identities):
    return {one.speaker: one.role for one in identities}


def test_the_owner_is_known_by_how_they_talk_and_the_client_by_being_addressed():
    found = identify(read_talk(THERAPY), [MARIA, TOM], {})
    assert names(found) == {"Speaker 1": "Tom", "Speaker 2": "Maria"}
    assert roles(found) == {"Speaker 1": "therapist", "Speaker 2": "client"}
    assert all(0.75 <= one.confidence < 1 for one in found)


def test_a_name_spoken_in_address_is_enough():
    found = identify(spoken("Speaker 1: Right. Thanks, Anna.", "Speaker 2: Sure."), [TOM, ANNA], {})
    assert names(found) == {"Speaker 1": "Tom", "Speaker 2": "Anna"}


def test_a_name_in_a_transcript_without_capitals_counts_too():
    found = identify(spoken("Speaker 1: right thanks anna", "Speaker 2: sure"), [TOM, ANNA], {})
    assert names(found) == {"Speaker 1": "Tom", "Speaker 2": "Anna"}


def test_who_gives_their_own_name_has_it():
    found = identify(spoken("Speaker 1: The weather is fine.", "Speaker 2: Yes. I'm Tom."), [TOM, ANNA], {})
    assert names(found) == {"Speaker 1": "Anna", "Speaker 2": "Tom"}


@pytest.mark.parametrize(
    "lines",
    [
        ["Speaker 1: The weather is fine.", "Speaker 2: Indeed it is."],
        ["Speaker 1: The train was late.", "Speaker 2: It is always late."],
        ["Speaker 1: All by myself today."],
    ],
)
def test_when_unsure_nobody_is_named(lines):
    found = identify(spoken(*lines), [TOM, ANNA], {})
    assert set(names(found).values()) == {None}
    assert set(roles(found).values()) == {"unknown"}


def test_what_somebody_said_is_believed():
    swapped = {"Speaker 1": "m", "Speaker 2": "owner"}
    found = identify(read_talk(THERAPY), [MARIA, TOM], swapped)
    assert names(found) == {"Speaker 1": "Maria", "Speaker 2": "Tom"}
    assert [one.confidence for one in found] == [1.0, 1.0]


def test_one_rename_settles_the_other_of_two():
    found = identify(read_talk(THERAPY), [MARIA, TOM], {"Speaker 1": "m"})
    assert names(found) == {"Speaker 1": "Maria", "Speaker 2": "Tom"}
    assert [one.confidence == 1 for one in found] == [True, False]


def test_labels_and_keys_nobody_has_are_passed_over():
    given = {"Speaker 9": "m", "Speaker 1": "nobody"}
    assert identify(read_talk(THERAPY), [MARIA, TOM], given) == identify(read_talk(THERAPY), [MARIA, TOM], {})


def test_one_person_may_be_given_to_two_speakers():
    talk = spoken("T: How are you?", "C: Fine.", "Speaker 3: I mean not so fine.")
    found = identify(talk, [TOM, ANNA], {"Speaker 2": "a", "Speaker 3": "a", "Speaker 1": "owner"})
    assert names(found) == {"Speaker 1": "Tom", "Speaker 2": "Anna", "Speaker 3": "Anna"}


def test_partners_addressed_by_name_are_told_apart():
    found = identify(couple(S2="Ben", S3="Anna"), [TOM, ANNA, BEN], {}, participants_type=COUPLE)
    assert names(found) == {"Speaker 1": "Tom", "S2": "Ben", "S3": "Anna"}
    swapped = identify(couple(S2="Anna", S3="Ben"), [TOM, ANNA, BEN], {}, participants_type=COUPLE)
    assert names(swapped) == {"Speaker 1": "Tom", "S2": "Anna", "S3": "Ben"}


def test_partners_nobody_names_are_clients_without_names():
    found = identify(couple(), [TOM, ANNA, BEN], {}, participants_type=COUPLE)
    assert names(found) == {"Speaker 1": "Tom", "S2": None, "S3": None}
    assert roles(found) == {"Speaker 1": "therapist", "S2": "client", "S3": "client"}


def test_one_partner_given_leaves_one_for_the_other():
    found = identify(couple(), [TOM, ANNA, BEN], {"S2": "b"}, participants_type=COUPLE)
    assert names(found) == {"Speaker 1": "Tom", "S2": "Ben", "S3": "Anna"}


def test_partners_of_one_name_are_not_guessed_apart():
    sam = [Person(key="1", name="Sam"), Person(key="2", name="Sam")]
    found = identify(couple(S2="Sam", S3="Sam"), [TOM, *sam], {}, participants_type=COUPLE)
    assert names(found) == {"Speaker 1": "Tom", "S2": None, "S3": None}


def test_the_voice_of_a_dictation_is_the_clinicians():
    talk = spoken("Speaker 1: Client reports low mood. I feel it is worse. My plan is to review in a week.")
    found = identify(talk, [ANNA, TOM], {}, participants_type=DICTATED)
    assert (names(found), roles(found)) == ({"Speaker 1": "Tom"}, {"Speaker 1": "therapist"})


def test_a_given_role_decides_who_can_be_the_owner():
    found = identify(read_talk(THERAPY), [MARIA, TOM], {}, {"Speaker 2": "therapist"})
    assert names(found)["Speaker 2"] == "Tom"


def test_names_that_are_words_are_not_found_in_sentences():
    will = Person(key="w", name="Will")
    talk = spoken("Speaker 1: Will the bus come? Mark my words.", "Speaker 2: The bus will come.")
    assert set(names(identify(talk, [TOM, will], {})).values()) <= {None, "Tom"}


def test_a_thousand_people_cost_no_more_than_a_few():
    crowd = [Person(key=str(n), name=f"Guest{n}") for n in range(1000)]
    found = identify(read_talk(THERAPY), [*crowd, MARIA, TOM], {})
    assert names(found) == {"Speaker 1": "Tom", "Speaker 2": "Maria"}


def test_silence_has_no_speakers():
    assert identify(Transcript(), [TOM, ANNA], {}) == ()


def test_names_with_odd_characters_are_no_patterns():
    odd = Person(key="o", name="(.*")
    assert names(identify(read_talk(THERAPY), [TOM, odd], {}))["Speaker 1"] == "Tom"
