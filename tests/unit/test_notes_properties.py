"""What holds of every transcript, however it was said and whatever the recogniser made of it."""

import re

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.domain.note import ParticipantsType, Person, Pronouns, SessionType
from shared.domain.transcript import Gap, Segment, Transcript
from shared.notes import lexica
from shared.notes.evidence import check
from shared.notes.safeguard import safeguarded
from shared.notes.talk import words_of
from shared.notes.writer import write_extract
from shared.ports import NoteRequest

PHRASES = [
    "Have you had any thoughts of harming yourself?",
    "No, nothing like that.",
    "yes",
    "Um.",
    "I want to die",
    "my brother killed himself",
    "he hits me when he drinks.",
    "Do you have a plan?",
    "I take sertraline, 50 mg",
    "fifty milligrams of quetiapine a day.",
    "I can't sleep more than four hours.",
    "Not good.",
    "For homework, fill in the thought record.",
    "Same time next Thursday?",
    "It helped a lot.",
    "Let's make that one of our goals.",
    'she said "no" \u2026 and \u201cnever\u201d',
    "and then i",
    "Mm-hm.",
    "kill",
    "myself.",
]

lines = st.one_of(
    st.sampled_from(PHRASES),
    st.lists(st.sampled_from(PHRASES), min_size=2, max_size=4).map(" ".join),
    st.text(max_size=40),
)


PEOPLE = (
    Person(key="o", name="Dr. Lee", is_owner=True),
    Person(key="a", name="Anna", pronouns=Pronouns.FEMININE),
    Person(key="b", name='Ben "B"', pronouns=Pronouns.MASCULINE),
)


@st.composite
def transcripts(draw):
    said = draw(st.lists(st.tuples(st.sampled_from(["Speaker 1", "Speaker 2", "Speaker 3"]), lines), max_size=14))
    segments = tuple(
        Segment(id=f"s{n}", start_ms=1000 * n, end_ms=1000 * n + 900, speaker=speaker, text=text)
        for n, (speaker, text) in enumerate(said)
    )
    gaps = draw(st.lists(st.integers(0, 14000), max_size=2))
    return Transcript(
        segments=segments,
        gaps=tuple(Gap(start_ms=start, end_ms=None, reason="missing", chunk=str(start)) for start in sorted(gaps)),
        duration_ms=1000 * len(segments),
    )


requests = st.builds(
    NoteRequest,
    transcripts(),
    st.sampled_from(SessionType),
    st.sampled_from(ParticipantsType),
    people=st.sampled_from([(), PEOPLE]),
    identities=st.dictionaries(st.sampled_from(["Speaker 1", "Speaker 3"]), st.sampled_from(["o", "a", "b"])),
    instructions=st.sampled_from([None, "## Plan\nAt most one sentence.\n## Assessment", "Leave out Mood."]),
    roles=st.dictionaries(st.sampled_from(["Speaker 1", "Speaker 2"]), st.sampled_from(["therapist", "client"])),
)
thorough = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def statements_of(note):
    return [statement for section in note.sections for statement in section.statements]


@thorough
@given(requests)
def test_every_statement_cites_segments_that_hold_every_word_it_quotes(request):
    segments = {segment.id: segment for segment in request.transcript.segments}
    for statement in statements_of(write_extract(request)):
        assert set(statement.evidence) <= segments.keys()
        heard = {word for id_ in statement.evidence for word in words_of(segments[id_].text.replace('"', "'"))}
        for quote in re.findall(r'"([^"]*)"', statement.text.replace('Ben "B"', "Ben")):
            assert set(words_of(quote)) <= heard


@thorough
@given(requests)
def test_every_mention_of_risk_is_told_as_risk(request):
    told = {id_ for s in statements_of(write_extract(request)) if s.risk for id_ in s.evidence}
    mentioned = {s.id for s in request.transcript.segments if lexica.risk().search(lexica.plain(s.text))}
    assert mentioned <= told


@thorough
@given(requests)
def test_the_writer_is_deterministic_and_its_note_holds(request):
    note = write_extract(request)
    assert write_extract(request) == note
    assert check(note, request).findings == ()
    assert safeguarded(note, request) == note


@thorough
@given(requests)
def test_every_medicine_named_is_told(request):
    told = {id_ for s in statements_of(write_extract(request)) for id_ in s.evidence}
    heard = {id_: set(words_of(text)) for id_, text in ((s.id, s.text) for s in request.transcript.segments)}
    for medicine in lexica.medicines():
        naming = {id_ for id_, words in heard.items() if medicine in words}
        assert not naming or naming & told


@thorough
@given(transcripts())
def test_every_format_tells_the_same_risks(transcript):
    standard = write_extract(NoteRequest(transcript, SessionType.STANDARD))
    risks = {s.text for section in standard.sections if section.key == "risk" for s in section.statements}
    for session_type in SessionType:
        note = write_extract(NoteRequest(transcript, session_type))
        assert risks <= {s.text for s in statements_of(note) if s.risk}
