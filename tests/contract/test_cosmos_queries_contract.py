"""What the app relies on in Cosmos DB, asked of the emulator and, where configured, of the real thing: queries."""

from typing import Any
from uuid import uuid4

import pytest
from azure.cosmos.aio import ContainerProxy
from azure.cosmos.exceptions import CosmosHttpResponseError


@pytest.fixture(scope="session")
async def library(cosmos_container: ContainerProxy) -> str:
    """A partition of 25 numbered items of two kinds; every fifth has no `n`."""
    pk = f"library-{uuid4().hex}"
    for i in range(25):
        item: dict[str, Any] = {"id": f"i{i:02d}", "pk": pk, "kind": "ab"[i % 2], "tags": ["x", "y"] if i % 3 else []}
        item |= {"secret": {"text": "s"}, "deep": {"list": [i]}, "none": None} | ({"n": i} if i % 5 else {})
        await cosmos_container.create_item(item)
    return pk


async def ask(container: ContainerProxy, pk: str, query: str, **parameters: Any) -> list[Any]:
    given = [{"name": f"@{name}", "value": value} for name, value in parameters.items()]
    return [row async for row in container.query_items(query, parameters=given, partition_key=pk)]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("c.n = 7", [7]),
        ("c.n != 7 AND c.n < 9 AND c.n > 5", [6, 8]),
        ("c.n <= 2 OR c.n >= 24", [1, 2, 24]),
        ("NOT (c.n > 2)", [1, 2]),
        ("c.n IN (1, 2, 10, '3', null)", [1, 2]),
        ("c.n NOT IN (1) AND c.n < 4", [2, 3]),
        ("c.n BETWEEN 3 AND 6", [3, 4, 6]),
        ("c.n < 4 AND IS_DEFINED(c.tags[0])", [1, 2]),
        ("c.deep.list[0] = 3", [3]),
        ("c['deep']['list'][0] = 3", [3]),
        ("c.n < 4 AND ARRAY_CONTAINS(c.tags, 'x')", [1, 2]),
        ("STARTSWITH(c.id, 'i1') AND CONTAINS(c.id, '4')", [14]),
        ("ENDSWITH(c.id, '4') AND c.n > 4", [14, 24]),
        ("CONTAINS(c.kind, 'B', true) AND c.n < 4", [1, 3]),
        ("IS_NULL(c.none) AND c.n < 3", [1, 2]),
        ("c.none = null AND c.n < 3", [1, 2]),
        ("c.secret.text = 's' AND c.n = 1", [1]),
        ("c.n = '7'", []),
        ("c.missing = null", []),
        ("c.missing != 1", []),
        ("NOT (c.missing = 1)", []),
        ("c.n < 3 OR c.missing = 1", [1, 2]),
        ("c.kind < 5", []),
        ("c.n = true", []),
    ],
)
async def test_where_keeps_what_the_condition_is_true_for(cosmos_container, library, condition, expected):
    query = f"SELECT VALUE c.n FROM c WHERE {condition}"  # noqa: S608 - the conditions above
    assert sorted(await ask(cosmos_container, library, query)) == expected


async def test_parameters_stand_for_values_of_any_type(cosmos_container, library):
    query = "SELECT VALUE c.n FROM c WHERE c.kind = @kind AND ARRAY_CONTAINS(@wanted, c.n) AND c.n >= @low"
    assert sorted(await ask(cosmos_container, library, query, kind="b", wanted=[1, 2, 3, 7], low=3)) == [3, 7]


async def test_a_parameter_is_never_read_as_query_text(cosmos_container, library):
    assert await ask(cosmos_container, library, "SELECT * FROM c WHERE c.id = @id", id="i01' OR true --") == []


async def test_select_projects(cosmos_container, library):
    assert await ask(
        cosmos_container, library, "SELECT c.n, c.deep.list, c.missing, 1 AS one FROM c WHERE c.n = 1"
    ) == [{"n": 1, "list": [1], "one": 1}]
    assert await ask(cosmos_container, library, "SELECT VALUE {'n': c.n, 'all': [c.id]} FROM c WHERE c.n = 1") == [
        {"n": 1, "all": ["i01"]}
    ]
    [whole] = await ask(cosmos_container, library, "SELECT * FROM sessions s WHERE s.n = 1")
    assert (whole["id"], whole["secret"], "_etag" in whole) == ("i01", {"text": "s"}, True)


async def test_order_by_sorts_either_way(cosmos_container, library):
    ascending = await ask(cosmos_container, library, "SELECT VALUE c.id FROM c WHERE c.n < 5 ORDER BY c.n")
    descending = await ask(cosmos_container, library, "SELECT VALUE c.id FROM c WHERE c.n < 5 ORDER BY c.n DESC")
    assert ascending == ["i01", "i02", "i03", "i04"]
    assert descending == ascending[::-1]


async def test_order_by_several_needs_their_composite_index(cosmos_container, library):
    query = "SELECT VALUE c.n FROM c WHERE c.n < 5 ORDER BY c.kind {}, c.n {}"
    assert await ask(cosmos_container, library, query.format("ASC", "DESC")) == [4, 2, 3, 1]
    assert await ask(cosmos_container, library, query.format("DESC", "ASC")) == [1, 3, 2, 4]
    with pytest.raises(CosmosHttpResponseError) as refused:
        await ask(cosmos_container, library, query.format("ASC", "ASC"))
    assert refused.value.status_code == 400


async def test_order_by_what_is_not_indexed_is_refused(cosmos_container, library):
    with pytest.raises(CosmosHttpResponseError) as refused:
        await ask(cosmos_container, library, "SELECT * FROM c ORDER BY c.secret.text")
    assert refused.value.status_code == 400


async def test_top_and_offset_limit_cut(cosmos_container, library):
    order = "FROM c WHERE IS_DEFINED(c.n) ORDER BY c.n"
    assert await ask(cosmos_container, library, f"SELECT TOP 2 VALUE c.n {order}") == [1, 2]
    assert await ask(cosmos_container, library, f"SELECT VALUE c.n {order} OFFSET 2 LIMIT 3") == [3, 4, 6]
    assert await ask(cosmos_container, library, f"SELECT VALUE c.n {order} OFFSET @o LIMIT @l", o=18, l=9) == [23, 24]


async def test_aggregates_total(cosmos_container, library):
    assert await ask(cosmos_container, library, "SELECT VALUE COUNT(1) FROM c") == [25]
    assert await ask(cosmos_container, library, "SELECT VALUE COUNT(c.n) FROM c") == [20]
    assert await ask(cosmos_container, library, "SELECT VALUE COUNT(1) FROM c WHERE c.n > 99") == [0]
    assert await ask(cosmos_container, library, "SELECT VALUE SUM(c.n) FROM c WHERE c.n < 4") == [6]
    assert await ask(cosmos_container, library, "SELECT MAX(c.n) AS most, MIN(c.n) AS least FROM c") == [
        {"most": 24, "least": 1}
    ]


async def test_pages_continue_where_they_ended(cosmos_container, library):
    for query in ("SELECT VALUE c.id FROM c", "SELECT VALUE c.id FROM c ORDER BY c.id DESC"):
        whole = await ask(cosmos_container, library, query)
        collected: list[str] = []
        token, pages = None, 0
        while pages == 0 or token:
            answers = cosmos_container.query_items(query, partition_key=library, max_item_count=10).by_page(token)
            page = [row async for row in await anext(answers)]
            assert len(page) <= 10
            collected, token, pages = collected + page, answers.continuation_token, pages + 1
        assert collected == whole
        assert len(whole) == 25


async def test_pages_lose_no_item_when_seen_ones_change(cosmos_container):
    """A sweeper changes what it finds, so that it no longer matches, before it asks for the next page."""
    pk = f"sweep-{uuid4().hex}"
    for i in range(9):
        await cosmos_container.create_item({"id": str(i), "pk": pk, "state": "stuck"})
    seen, token = [], ""
    while token is not None:
        query = cosmos_container.query_items(
            "SELECT * FROM c WHERE c.state = 'stuck'", partition_key=pk, max_item_count=2
        ).by_page(token or None)
        for item in [row async for row in await anext(query)]:
            seen.append(item["id"])
            await cosmos_container.patch_item(item["id"], pk, [{"op": "set", "path": "/state", "value": "done"}])
        token = query.continuation_token
    assert sorted(seen) == [str(i) for i in range(9)]


async def test_a_partition_sees_only_its_own_items(cosmos_container, library):
    assert await ask(cosmos_container, f"{library}-other", "SELECT * FROM c WHERE c.pk = @other", other=library) == []


async def test_a_query_that_cannot_be_read_is_refused(cosmos_container, library):
    for query in (
        "SELECT * FROM c WHERE",
        "SELECT FROM c",
        "SELECT * FROM c WHERE d.n = 1",
        "SELECT * FROM c WHERE 'a",
    ):
        with pytest.raises(CosmosHttpResponseError) as refused:
            await ask(cosmos_container, library, query)
        assert refused.value.status_code == 400


# ---- over all partitions ---------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
async def scattered(cosmos_container: ContainerProxy) -> str:
    """The kind of 30 items in 15 partitions, two thirds of them stuck."""
    kind = f"claim-{uuid4().hex}"
    for i in range(30):
        state = ("busy", "expired", "done")[i % 3]
        body = {"id": f"{kind}-{i}", "pk": f"{kind}-{i % 15}", "kind": kind, "state": state, "n": i}
        await cosmos_container.create_item(body)
    return kind


async def sweep(container: ContainerProxy, query: str, kind: str, **options: Any) -> list[Any]:
    return [row async for row in container.query_items(query, parameters=[{"name": "@k", "value": kind}], **options)]


async def test_a_sweeper_finds_work_in_every_partition(cosmos_container, scattered):
    query = "SELECT * FROM c WHERE c.kind = @k AND c.state IN ('busy', 'expired')"
    found = await sweep(cosmos_container, query, scattered)
    assert sorted(item["n"] for item in found) == [i for i in range(30) if i % 3 != 2]


async def test_a_sweep_goes_on_from_its_continuation(cosmos_container, scattered):
    query, parameters = "SELECT VALUE c.n FROM c WHERE c.kind = @k", [{"name": "@k", "value": scattered}]
    collected, token, first = [], None, True
    while first or token:
        pages = cosmos_container.query_items(query, parameters=parameters, max_item_count=7).by_page(token)
        collected += [row async for row in await anext(pages)]
        token, first = pages.continuation_token, False
    assert sorted(collected) == list(range(30))


async def test_partitions_are_merged_counted_and_cut(cosmos_container, scattered):
    newest = "SELECT * FROM c WHERE c.kind = @k ORDER BY c.n DESC"
    assert [item["n"] for item in await sweep(cosmos_container, newest, scattered)] == list(range(29, -1, -1))
    oldest = "SELECT VALUE c.n FROM c WHERE c.kind = @k ORDER BY c.n OFFSET 3 LIMIT 4"
    assert await sweep(cosmos_container, oldest, scattered) == [3, 4, 5, 6]
    assert await sweep(cosmos_container, "SELECT VALUE COUNT(1) FROM c WHERE c.kind = @k", scattered) == [30]
    assert len(await sweep(cosmos_container, "SELECT TOP 5 * FROM c WHERE c.kind = @k", scattered)) == 5


async def test_several_items_are_read_at_once(cosmos_container, scattered):
    wanted = [(f"{scattered}-{i}", f"{scattered}-{i % 15}") for i in (1, 2, 20)] + [("missing", "anywhere")]
    assert sorted(item["n"] for item in await cosmos_container.read_items(wanted)) == [1, 2, 20]
