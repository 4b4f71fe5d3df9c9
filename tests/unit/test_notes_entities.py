"""Named entities: who and what was spoken of by name, with a quote of what was said."""

import pytest

from shared.domain.note import Person
from shared.notes.safeguard import safeguarded
from shared.notes.writer import write_extract
from shared.ports import NoteRequest
from tests.talks import THERAPY, read_talk, spoken


def entities(*lines, people=()):
    note = write_extract(NoteRequest(spoken("T: How have you been since our last session?", *lines), people=people))
    return {(entity.entity_type, entity.name) for entity in note.entities}


def test_the_therapy_session_names_a_doctor_and_a_medicine():
    request = NoteRequest(read_talk(THERAPY))
    note = write_extract(request)
    assert {(e.entity_type, e.name) for e in note.entities} == {("person", "Doctor Patel"), ("medicine", "sertraline")}
    summaries = {e.name: e.summary for e in note.entities}
    assert summaries["Doctor Patel"] == 'Therapist: "Please talk to Doctor Patel before skipping doses."'
    assert 'Client: "Yes, every morning.' in summaries["sertraline"]
    assert safeguarded(note, request) == note


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("I saw Dr. Lee on Monday.", ("person", "Dr. Lee")),
        ("My sister Ruth came over.", ("person", "Ruth")),
        ("My boss, Peter Hall, shouted at me.", ("person", "Peter Hall")),
        ("I was taken to Saint Mary Hospital.", ("organisation", "Saint Mary Hospital")),
        ("I work for Brightline as a clerk.", ("organisation", "Brightline")),
        ("I rang the Samaritans.", ("organisation", "Samaritans")),
        ("We moved to New York last year.", ("place", "New York")),
        ("She still lives in Krakow.", ("place", "Krakow")),
        ("I take mirtazapine at night.", ("medicine", "mirtazapine")),
    ],
)
def test_names_are_told_by_how_they_are_written(said, found):
    assert found in entities(f"C: {said}")


@pytest.mark.parametrize(
    "said",
    [
        "I slept badly in June.",
        "It was better on Tuesday and in May.",
        "My mother Cried all day.",
        "I was brought up in English.",
        "From Monday I start. In fact I'm glad.",
        "i was in paris with my sister ruth",
    ],
)
def test_other_capitals_are_no_names(said):
    assert entities(f"C: {said}", "C: She cried again.") == set()


def test_who_takes_part_is_no_one_spoken_of():
    people = (Person(key="o", name="Tom", is_owner=True), Person(key="r", name="Ruth"))
    assert entities("C: My sister Ruth came over.", people=people) == set()


def test_an_entity_of_another_engine_stays_only_with_its_evidence():
    request = NoteRequest(read_talk(THERAPY))
    note = write_extract(request)
    doctor = next(entity for entity in note.entities if entity.entity_type == "person")
    invented = doctor.model_copy(update={"name": "Doctor Jones"})
    misquoted = doctor.model_copy(update={"summary": 'Client: "Doctor Patel is my brother."'})
    assert safeguarded(note.model_copy(update={"entities": (invented, misquoted, doctor)}), request).entities == (
        doctor,
    )
