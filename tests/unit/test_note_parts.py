import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.transcript import Segment
from shared.notes.parts import halved, parts_of

TURNS = st.lists(st.tuples(st.sampled_from(["Speaker 1", "Speaker 2"]), st.integers(1, 40)), min_size=1, max_size=60)


def segments(spoken) -> list[Segment]:
    return [
        Segment(id=f"s{n}", start_ms=n, end_ms=n, speaker=speaker, text="x" * length)
        for n, (speaker, length) in enumerate(spoken)
    ]


def size(segment: Segment) -> float:
    return len(segment.text)


@given(TURNS, st.integers(10, 200))
def test_every_segment_is_in_exactly_one_part_in_order(spoken, room):
    whole = segments(spoken)
    assert [segment for part in parts_of(whole, room, size) for segment in part] == whole


@given(TURNS, st.integers(10, 200))
def test_no_part_is_too_large_but_for_a_segment_that_is(spoken, room):
    for part in parts_of(segments(spoken), room, size):
        assert sum(map(size, part)) <= room or len(part) == 1


@given(TURNS)
def test_what_fits_stays_whole(spoken):
    assert len(parts_of(segments(spoken), sum(length for _, length in spoken), size)) == 1


def test_a_cut_comes_between_turns():
    whole = segments([("Speaker 1", 10), ("Speaker 2", 10), ("Speaker 2", 10), ("Speaker 1", 10)])
    assert [[s.id for s in part] for part in parts_of(whole, 25, size)] == [["s0"], ["s1", "s2"], ["s3"]]


def test_half_a_part_ends_with_a_turn():
    whole = tuple(segments([("Speaker 1", 1), ("Speaker 2", 1), ("Speaker 2", 1), ("Speaker 2", 1), ("Speaker 1", 1)]))
    assert [[s.id for s in half] for half in halved(whole) or ()] == [["s0"], ["s1", "s2", "s3", "s4"]]


@given(TURNS)
def test_halves_are_the_whole(spoken):
    whole = tuple(segments(spoken))
    halves = halved(whole)
    assert (halves is None) == (len(whole) == 1)
    if halves is not None:
        assert halves[0]
        assert halves[1]
        assert halves[0] + halves[1] == whole


@pytest.mark.parametrize("room", [1, 5])
def test_a_segment_that_fits_nowhere_is_not_cut(room):
    assert [[s.id for s in part] for part in parts_of(segments([("Speaker 1", 10)]), room, size)] == [["s0"]]
