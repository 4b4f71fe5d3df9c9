"""The emulator's queries, where no server is needed to see what they mean."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import chain
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.cosmos.errors import CosmosError
from localcloud.cosmos.paging import Position, run_query
from localcloud.cosmos.sql import Query, parse_condition, parse_query
from localcloud.cosmos.sql.plan import query_plan
from localcloud.cosmos.store import Row
from localcloud.cosmos.values import compare, dump

SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-5, 5), st.text("ab", max_size=2))


def rows_of(values: Sequence[Any]) -> Callable[[int], Iterator[Row]]:
    """A table of items `{n: value}`, scanned as the store does."""
    rows = [Row(born, "", dump({"id": str(born), "n": value})) for born, value in enumerate(values, 1)]
    return lambda after: (row for row in rows if row.born > after)


def pages_of(query: Query, scan: Callable[[int], Iterator[Row]], size: int) -> list[list[str]]:
    """Every page, each asked for with the token of the one before."""
    position: Position | None = Position.start(query)
    pages = []
    while position is not None:
        page = run_query(query, scan, position, size)
        pages.append(page.results)
        position = page.next and Position.from_token(page.next.token())
    return pages


@given(st.lists(SCALARS, max_size=20), st.integers(1, 5), st.sampled_from(["ORDER BY c.n", "ORDER BY c.n DESC"]))
def test_pages_of_any_size_add_up_to_the_sorted_whole(values, size, order):
    query = parse_query(f"SELECT VALUE c.n FROM c {order}", {})  # noqa: S608 - one of the two above
    scan = rows_of(values)
    [whole] = pages_of(query, scan, 1000)
    pages = pages_of(query, scan, size)
    assert list(chain(*pages)) == whole
    assert all(len(page) == size for page in pages[:-1])
    assert sorted(whole) == sorted(map(dump, values))


@given(SCALARS, SCALARS)
def test_values_of_any_two_types_have_an_order(left, right):
    assert compare(left, right) == -compare(right, left)
    assert (compare(left, right) == 0) == (dump(left) == dump(right))


@given(st.lists(st.integers(), max_size=20), st.integers(0, 8), st.integers(0, 8), st.integers(1, 5))
def test_offset_and_limit_count_over_all_pages(values, offset, limit, size):
    query = parse_query("SELECT VALUE c.n FROM c OFFSET @o LIMIT @l", {"@o": offset, "@l": limit})
    found = list(chain(*pages_of(query, rows_of(values), size)))
    assert found == [dump(value) for value in values[offset : offset + limit]]


@pytest.mark.parametrize(
    ("condition", "item", "holds"),
    [
        ("c.a = 1 AND c.b = 2", {"a": 1}, False),
        ("c.a = 1 OR c.b = 2", {"a": 1}, True),
        ("NOT (c.a = 1 AND c.b = 2)", {"a": 1}, False),
        ("NOT (c.a = 1 AND c.b = 2)", {"a": 2}, True),
        ("c.a = c.b", {}, False),
        ("c.a = 1.0", {"a": 1}, True),
        ("c.a = true", {"a": 1}, False),
        ("c.a = {'x': [1]}", {"a": {"x": [1.0]}}, True),
        ("c.a > 'b'", {"a": "c"}, True),
        ("c.a > 'b'", {"a": 9}, False),
        ("c.a = 'it\\'s \\u00e9'", {"a": "it's é"}, True),
        ('c["odd name"].x = -1', {"odd name": {"x": -1}}, True),
        ("c.a IN (1, 'x', null)", {"a": 1.0}, True),
        ("c.a IN (1, 'x', null)", {"a": True}, False),
        ("c.a IN (1, 'x', null)", {"a": None}, True),
        ("c.a IN (1, [2])", {"a": [2]}, True),
        ("c.a IN (1, 2)", {"a": [1]}, False),
        (" OR ".join(["c.a = 0"] * 2000), {"a": 0}, True),
        ("c.a NOT BETWEEN 1 AND 3", {"a": 4}, True),
        ("IS_DEFINED(c.a.b) = false", {"a": 1}, True),
        ("ARRAY_CONTAINS(c.a, {'x': 1}, true)", {"a": [{"x": 1, "y": 2}]}, True),
        ("CONTAINS(c.a, 'B')", {"a": "abc"}, False),
        ("LENGTH(c.a) = 3 AND LOWER(c.a) = 'abc'", {"a": "ABC"}, True),
    ],
)
def test_a_condition_holds_only_where_it_is_true(condition, item, holds):
    assert parse_condition(f"FROM c WHERE {condition}")(item) is holds


@pytest.mark.parametrize(
    "query",
    [
        "",
        "SELECT",
        "SELECT * FROM",
        "SELECT * FROM c WHERE c.a ==",
        "SELECT * FROM c WHERE (c.a = 1",
        "SELECT * FROM c ORDER BY",
        "SELECT * FROM c LIMIT 1",
        "SELECT * FROM c trailing words",
        "SELECT * FROM c WHERE c.a = 'open",
        "SELECT * FROM c WHERE c.a = @missing",
        "SELECT TOP -1 * FROM c",
        "SELECT VALUE COUNT() FROM c",
        "SELECT * FROM c WHERE STARTSWITH(c.a)",
        "SELECT other.a FROM c",
        "SELECT * FROM c WHERE " + "(" * 5000,
    ],
)
def test_what_is_no_query_is_refused(query):
    with pytest.raises(CosmosError) as refused:
        parse_query(query, {})
    assert refused.value.status == 400


@given(st.text("SELECT*FROMcWHE. ='\"@()[]{}<>,1", max_size=40))
def test_no_text_breaks_the_parser(text):
    with suppress(CosmosError):  # refused is fine; anything else would be our own mistake
        parse_query(text, {})


def test_the_plan_of_an_ordered_query_asks_each_range_for_what_to_merge_by():
    plan = query_plan(parse_query("SELECT * FROM c WHERE c.a = 1 OR c.b = 2 ORDER BY c.n DESC OFFSET 2 LIMIT 3", {}))
    assert plan["queryInfo"]["orderBy"] == ["Descending"]
    assert plan["queryInfo"]["rewrittenQuery"] == (
        'SELECT c._rid, [{"item": c.n}] AS orderByItems, c AS payload FROM c WHERE c.a = 1 OR c.b = 2'
        " ORDER BY c.n DESC OFFSET 0 LIMIT 5"
    )
    parse_query(plan["queryInfo"]["rewrittenQuery"], {})
