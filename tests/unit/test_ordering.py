"""How chunks find their order, whatever the order they came in."""

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.ids import chunk_id, safe_filename, trailing_number, with_suffix
from shared.domain.session import ChunkMark, order_chunks


def marks(*rows: ChunkMark) -> dict[str, ChunkMark]:
    return {f"c{n}": row for n, row in enumerate(rows)}


def indexed(*indexes: int, last: int | None = None) -> dict[str, ChunkMark]:
    return {f"i{i}": ChunkMark(index=i, last=i == last) for i in indexes}


def numbered(*numbers: int, last: int | None = None) -> dict[str, ChunkMark]:
    return {f"n{i}": ChunkMark(number=i, last=i == last) for i in numbers}


def test_last_chunk_first_waits_for_the_rest():
    order = order_chunks(indexed(3, last=3))
    assert not order.complete
    assert order.missing == (0, 1, 2)


def test_every_chunk_up_to_the_last_makes_it_complete():
    order = order_chunks(indexed(2, 0, 3, 1, last=3))
    assert order.complete
    assert order.chunk_ids == ("i0", "i1", "i2", "i3")


def test_without_a_last_chunk_nothing_is_complete():
    assert not order_chunks(indexed(0, 1, 2)).complete


def test_an_announced_total_completes_without_a_last_mark():
    assert order_chunks(indexed(0, 1), total=2).complete
    assert order_chunks(indexed(0, 1), total=3).missing == (2,)


def test_a_chunk_behind_the_last_one_is_kept_at_the_end():
    order = order_chunks(indexed(0, 1, 2, last=1))
    assert order.chunk_ids == ("i0", "i1", "i2")
    assert order.complete


def test_file_numbers_order_when_there_is_no_index():
    order = order_chunks(numbered(10, 9, 8, 7, 6, 5, 4, 3, 2, 1, last=10))
    assert order.by == "number"
    assert order.complete
    assert order.chunk_ids[0] == "n1"


def test_file_numbering_may_start_at_zero_or_one():
    assert order_chunks(numbered(0, 1, last=1)).complete
    assert order_chunks(numbered(1, 2, last=2)).complete
    assert order_chunks(numbered(2, last=2)).missing == (1,)


def test_numbers_that_begin_high_are_waited_for_until_the_session_is_settled():
    alone = numbered(880, last=880)
    assert not order_chunks(alone).complete
    assert order_chunks(alone, settled=True).complete
    assert order_chunks(alone, settled=True).missing == ()
    counting_on = numbered(101, 102, 104, last=104)
    assert order_chunks(counting_on, settled=True).missing == (103,)


def test_a_settled_session_still_misses_what_plausibly_came_before():
    assert order_chunks(numbered(2, 3, last=3), settled=True).missing == (1,)
    assert order_chunks(indexed(5, last=5), settled=True).missing == (0, 1, 2, 3, 4)


def test_a_zero_after_a_start_at_one_goes_to_the_front():
    assert order_chunks(numbered(1, 2, 0, last=2)).chunk_ids == ("n0", "n1", "n2")


def test_timestamps_in_names_order_but_do_not_count():
    order = order_chunks(numbered(20260223141500, 20260223141000, last=20260223141500))
    assert order.chunk_ids == ("n20260223141000", "n20260223141500")
    assert order.complete
    assert order.missing == ()


def test_equal_numbers_fall_back_to_arrival():
    order = order_chunks(marks(ChunkMark(number=1, arrival=20, last=True), ChunkMark(number=1, arrival=10)))
    assert order.by == "arrival"
    assert order.chunk_ids == ("c1", "c0")
    assert order.complete


def test_one_name_without_a_number_falls_back_to_arrival():
    assert order_chunks(marks(ChunkMark(number=1), ChunkMark(arrival=5))).by == "arrival"


@given(st.permutations(range(12)), st.booleans())
def test_any_order_of_arrival_gives_the_same_order(arrived, by_index):
    field = "index" if by_index else "number"
    present = {f"c{i}": ChunkMark(**{field: i, "last": i == 11, "arrival": n}) for n, i in enumerate(arrived)}
    assert order_chunks(present).chunk_ids == tuple(f"c{i}" for i in range(12))


@given(st.sets(st.integers(0, 30), min_size=1), st.integers(0, 30))
def test_present_and_missing_positions_are_all_there_is(arrived, last):
    present = {f"i{i}": ChunkMark(index=i, last=i == last) for i in arrived}
    order = order_chunks(present)
    assert set(order.missing) | arrived == set(order.positions)
    assert set(order.missing).isdisjoint(arrived)
    assert order.complete == (last in arrived and not order.missing)


def test_a_trailing_number_is_read_from_the_stem():
    assert trailing_number("rec-2026-part-007.webm") == 7
    assert trailing_number("chunk12.mp4") == 12
    assert trailing_number("session_audio.wav") is None
    assert trailing_number("audio.mp3") is None
    assert trailing_number("2026-02-23.wav") == 20260223
    assert trailing_number("rec_20260223-143005.webm") == 20260223143005


def test_names_lose_their_paths_and_odd_characters():
    assert safe_filename("../../etc/passwd") == "passwd"
    assert safe_filename("C:\\Users\\x\\a b.wav") == "a b.wav"
    assert safe_filename("sitzung_ä\n.wav") == "sitzung__.wav"
    assert safe_filename("..") == "audio"
    assert safe_filename(None) == "audio"
    assert len(safe_filename("x" * 500 + ".webm")) == 200
    assert safe_filename("x" * 500 + ".webm").endswith(".webm")


def test_a_taken_name_gets_a_suffix_before_the_extension():
    assert with_suffix("session_audio.wav", 1) == "session_audio-1.wav"
    assert with_suffix("audio", 2) == "audio-2"
    assert with_suffix("a.wav", 0) == "a.wav"


def test_a_chunk_is_its_index_or_its_name_and_content():
    assert chunk_id(index=3, filename="a", sha256="00") == chunk_id(index=3, filename="b", sha256="11")
    assert chunk_id(index=None, filename="a", sha256="00") == chunk_id(index=None, filename="a", sha256="00")
    assert chunk_id(index=None, filename="a1", sha256="00") != chunk_id(index=None, filename="a2", sha256="00")
