"""What the SDK is told about a query it must send to each range and merge itself: the "query plan"."""

from typing import Any

from localcloud.cosmos.errors import not_implemented
from localcloud.cosmos.sql.syntax import Aggregate, ObjectOf, Query

_AGGREGATE_NAMES = {"COUNT": "Count", "SUM": "Sum", "MIN": "Min", "MAX": "Max"}


def query_plan(query: Query) -> dict[str, Any]:
    """Return the PartitionedQueryExecutionInfo of a query.

    Raises: CosmosError 501 for a query that cannot be merged from rewritten parts here.
    """
    return {
        "partitionedQueryExecutionInfoVersion": 2,
        "queryInfo": {
            "distinctType": "None",
            "top": query.top,
            "offset": query.offset,
            "limit": query.limit,
            "orderBy": ["Descending" if item.descending else "Ascending" for item in query.order],
            "orderByExpressions": [item.text for item in query.order],
            "groupByExpressions": [],
            "groupByAliases": [],
            "groupByAliasToAggregateType": {},
            "aggregates": [_aggregate_name(query, each) for each in query.aggregates],
            "rewrittenQuery": _rewritten(query),
            "hasSelectValue": query.is_value,
            "hasNonStreamingOrderBy": False,
            "dCountInfo": None,
        },
        "queryRanges": [{"min": "", "max": "FF", "isMinInclusive": True, "isMaxInclusive": False}],
    }


def _aggregate_name(query: Query, found: Aggregate) -> str:
    if query.select is not found or found.function not in _AGGREGATE_NAMES:
        raise not_implemented("cross-partition aggregates other than SELECT VALUE of one COUNT, SUM, MIN or MAX")
    return _AGGREGATE_NAMES[found.function]


def _rewritten(query: Query) -> str:
    """Return the query for one range: rows to merge by, partial sums, enough rows to skip in; empty: as it is."""
    tail = f"FROM {query.root}" + (f" WHERE {query.condition}" if query.condition else "")
    if query.order:
        items = ", ".join(f'{{"item": {item.text}}}' for item in query.order)
        order = ", ".join(f"{item.text} {'DESC' if item.descending else 'ASC'}" for item in query.order)
        top = f"TOP {query.top} " if query.top is not None else ""
        columns = f"{top}{query.root}._rid, [{items}] AS orderByItems, {_payload(query)} AS payload"
        return f"SELECT {columns} {tail} ORDER BY {order}{_window(query)}"
    if query.aggregates:
        return f'SELECT VALUE [{{"item": {_value(query)}}}] {tail}'
    if query.limit is not None:
        return f"SELECT {query.columns} {tail}{_window(query)}"
    return ""


def _window(query: Query) -> str:
    if query.limit is None:
        return ""
    return f" OFFSET 0 LIMIT {(query.offset or 0) + query.limit}"


def _payload(query: Query) -> str:
    if isinstance(query.select, ObjectOf) and not query.is_value:
        raise not_implemented("cross-partition ORDER BY of single columns; select * or VALUE")
    return _value(query) if query.is_value else query.root


def _value(query: Query) -> str:
    return query.columns.removeprefix(query.columns[: len("VALUE")]).strip()
