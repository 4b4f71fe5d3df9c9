"""Pages of a query's results, and the continuation tokens that name the place between two pages."""

import base64
import binascii
import functools
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from localcloud.cosmos.errors import bad_request
from localcloud.cosmos.sql.evaluate import aggregate, compile_expression, compile_predicate
from localcloud.cosmos.sql.syntax import Path, Query
from localcloud.cosmos.store import Row
from localcloud.cosmos.values import UNDEFINED, compare, dump

PAGE_BYTES = 4 * 1024 * 1024
_Scan = Callable[[int], Iterator[Row]]


@dataclass(frozen=True)
class Position:
    """Where the next page starts: after the item born `after`, whose sort keys, each `[value]` or `[]`, are `keys`.

    A place among items and not a count of them, so that items changed between two pages move no others. `skip` and
    `take` are what OFFSET, LIMIT and TOP still ask for; `range` is the physical range a query over all has come to.
    """

    after: int = 0
    keys: list[list[Any]] | None = None
    skip: int = 0
    take: int | None = None
    range: int = 0

    @classmethod
    def start(cls, query: Query) -> "Position":
        """Where the first page starts."""
        return cls(skip=query.offset or 0, take=query.limit if query.top is None else query.top)

    def token(self) -> str:
        """Return the position as an opaque text."""
        return base64.b64encode(dump([self.after, self.keys, self.skip, self.take, self.range]).encode()).decode()

    @classmethod
    def from_token(cls, token: str) -> "Position":
        """Read a token. Raises: CosmosError 400 when it is none of ours."""
        try:
            return cls(*json.loads(base64.b64decode(token, validate=True)))
        except (binascii.Error, ValueError, TypeError) as error:
            raise bad_request("The continuation token is malformed.") from error


@dataclass(frozen=True)
class Page:
    """Results as JSON texts, their size in bytes, and where to go on."""

    results: list[str]
    size: int
    next: Position | None = None


def run_query(query: Query, scan: _Scan, position: Position, page_items: int) -> Page:
    """Return one page of at most `page_items` results; `scan` yields the items born after a number, oldest first."""
    if query.aggregates:
        return _total(query, scan)
    if query.order:
        return _fill(query, _ordered(query, scan, position), position, page_items)
    return _fill(query, _matches(query, scan(position.after)), position, page_items)


def _matches(query: Query, rows: Iterable[Row]) -> Iterator[tuple[Row, Any]]:
    matches = compile_predicate(query.where)
    for row in rows:
        item = json.loads(row.body)
        if matches(item):
            yield row, item


def _fill(query: Query, found: Iterable[tuple[Row, Any]], position: Position, page_items: int) -> Page:
    value_of = compile_expression(query.select)
    whole = isinstance(query.select, Path) and not query.select.names
    results: list[str] = []
    size, skip, take = 0, position.skip, position.take
    for row, item in found:
        if take == 0:
            break
        if skip:
            skip -= 1
            continue
        if len(results) >= page_items or size >= PAGE_BYTES:
            return Page(results, size, replace(position, skip=0, take=take))
        position = replace(position, after=row.born, keys=_keys(query, item) if query.order else None)
        take = None if take is None else take - 1
        value = row.body if whole else value_of(item)
        if value is not UNDEFINED:
            results.append(value if whole else dump(value))
            size += len(results[-1].encode())
    return Page(results, size)


def _total(query: Query, scan: _Scan) -> Page:
    items = [item for _, item in _matches(query, scan(0))]
    totals = {
        each: aggregate(each.function, list(map(compile_expression(each.argument), items))) for each in query.aggregates
    }
    value = compile_expression(query.select, totals)({})
    results = [] if value is UNDEFINED else [dump(value)]
    return Page(results, sum(map(len, results)))


def _ordered(query: Query, scan: _Scan, position: Position) -> Iterator[tuple[Row, Any]]:
    directions = [-1 if item.descending else 1 for item in query.order]

    def compare_places(left: tuple[list[list[Any]], int], right: tuple[list[list[Any]], int]) -> int:
        for direction, one, other in zip(directions, left[0], right[0], strict=True):
            order = compare(one[0] if one else UNDEFINED, other[0] if other else UNDEFINED)
            if order:
                return order * direction
        return left[1] - right[1]

    found = [((_keys(query, item), row.born), row, item) for row, item in _matches(query, scan(0))]
    if position.keys is not None:
        last = (position.keys, position.after)
        found = [each for each in found if compare_places(each[0], last) > 0]
    place = functools.cmp_to_key(compare_places)
    for _, row, item in sorted(found, key=lambda each: place(each[0])):
        yield row, item


def _keys(query: Query, item: Any) -> list[list[Any]]:
    values = (compile_expression(each.path)(item) for each in query.order)
    return [[] if value is UNDEFINED else [value] for value in values]
