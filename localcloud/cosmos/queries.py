"""Queries and listings of a container's items."""

from functools import partial
from typing import Any

from localcloud.cosmos.charges import query_charge
from localcloud.cosmos.container import Container
from localcloud.cosmos.errors import CROSS_PARTITION_NEEDS_PLAN, CosmosError, bad_request
from localcloud.cosmos.indexing import check_order_by
from localcloud.cosmos.paging import Page, Position, run_query
from localcloud.cosmos.partition import RANGES, PartitionKey
from localcloud.cosmos.sql import Query, parse_query
from localcloud.cosmos.sql.plan import query_plan
from localcloud.cosmos.store import ItemStore, Scope
from localcloud.cosmos.values import dump
from localcloud.cosmos.wire import WireRequest, WireResponse

_DEFAULT_PAGE = 100
_DYNAMIC_PAGE = 1000
_EVERYTHING = parse_query("SELECT * FROM c", {})
_RANGE_HEADER = "x-ms-documentdb-partitionkeyrangeid"


def answer_query(
    store: ItemStore, container: Container, key: PartitionKey | None, request: WireRequest
) -> WireResponse:
    """Answer one page of a query.

    Raises: CosmosError 400 for a query that cannot be served (sub-status 1004, with the plan, when only the SDK can
    put it together from several ranges), 501 for one that only Azure could.
    """
    query = _query(request)
    order = [(tuple(map(str, item.path.names)), item.descending) for item in query.order]
    check_order_by(container.indexing_policy, order)
    scope = _scope(key, request)
    if scope == Scope():
        _check_cross_partition(query, request)
    return _page(store, container, scope, query, request)


def answer_listing(
    store: ItemStore, container: Container, key: PartitionKey | None, request: WireRequest
) -> WireResponse:
    """Answer one page of all items."""
    return _page(store, container, _scope(key, request), _EVERYTHING, request)


def answer_plan(request: WireRequest) -> WireResponse:
    """Answer how the SDK is to run a query over several ranges."""
    return WireResponse(200, dump(query_plan(_query(request))))


def _query(request: WireRequest) -> Query:
    body = request.json()
    if not isinstance(body, dict) or not isinstance(body.get("query"), str):
        raise bad_request("The request body is not a query.")
    parameters = {each["name"]: each["value"] for each in body.get("parameters") or []}
    return parse_query(body["query"], parameters)


def _scope(key: PartitionKey | None, request: WireRequest) -> Scope:
    if key is not None:
        return Scope(key)
    low, high = request.headers.get("x-ms-start-epk"), request.headers.get("x-ms-end-epk")
    range_id = request.headers.get(_RANGE_HEADER)
    if range_id is None:
        return Scope(None, low, high)
    found = next((each for each in RANGES if each.id == range_id.rpartition(",")[2]), None)
    if found is None:
        raise bad_request("There is no such partition key range.")
    return Scope(None, max(low or "", found.low), min(high or found.high, found.high))


def _check_cross_partition(query: Query, request: WireRequest) -> None:
    if not request.flag("x-ms-documentdb-query-enablecrosspartition"):
        raise bad_request(
            "Cross partition query is required but disabled. Please set x-ms-documentdb-query-enablecrosspartition to "
            "true, specify x-ms-documentdb-partitionkey, or revise your query to avoid this exception."
        )
    if not query.is_plain:
        raise CosmosError(
            400,
            "The provided cross partition query can not be directly served by the gateway.",
            substatus=CROSS_PARTITION_NEEDS_PLAN,
            extra={"additionalErrorInfo": dump(query_plan(query))},
        )


def _page(store: ItemStore, container: Container, scope: Scope, query: Query, request: WireRequest) -> WireResponse:
    token = request.headers.get("x-ms-continuation")
    position = Position.from_token(token) if token else Position.start(query)
    if scope == Scope():
        page = _page_of_all(store, container, query, position, _page_items(request))
    else:
        page = run_query(query, partial(store.scan, container, scope), position, _page_items(request))
    headers = {"x-ms-item-count": str(len(page.results))}
    if page.next is not None:
        headers["x-ms-continuation"] = page.next.token()
    return WireResponse(200, _feed(container, page), query_charge(page.size), headers)


def _page_of_all(store: ItemStore, container: Container, query: Query, position: Position, page_items: int) -> Page:
    """Read the ranges one after the other, as the gateway does: no page has items of two, and one may be empty."""
    if not 0 <= position.range < len(RANGES):
        raise bad_request("The continuation token is of another container.")
    found = RANGES[position.range]
    page = run_query(query, partial(store.scan, container, Scope(None, found.low, found.high)), position, page_items)
    if page.next is None and found is not RANGES[-1]:
        return Page(page.results, page.size, Position(range=position.range + 1))
    return page


def _page_items(request: WireRequest) -> int:
    header: Any = request.headers.get("x-ms-max-item-count", _DEFAULT_PAGE)
    try:
        wanted = int(header)
    except ValueError as error:
        raise bad_request("x-ms-max-item-count is a number of items.") from error
    return wanted if wanted > 0 else _DYNAMIC_PAGE


def _feed(container: Container, page: Page) -> str:
    return f'{{"_rid":{dump(container.rid)},"Documents":[{",".join(page.results)}],"_count":{len(page.results)}}}'
