"""Which operation a request is."""

import re
from collections.abc import Mapping
from enum import StrEnum

from localcloud.cosmos.errors import not_implemented

_DATABASE_RID = re.compile(r"[A-Za-z0-9+-]{6}==")


class Operation(StrEnum):
    """What the emulator does, by the names its counters and faults use."""

    READ_ACCOUNT = "read_account"
    LIST_OFFERS = "list_offers"
    CREATE_DATABASE = "create_database"
    READ_DATABASE = "read_database"
    LIST_DATABASES = "list_databases"
    DELETE_DATABASE = "delete_database"
    CREATE_CONTAINER = "create_container"
    READ_CONTAINER = "read_container"
    LIST_CONTAINERS = "list_containers"
    DELETE_CONTAINER = "delete_container"
    LIST_RANGES = "list_ranges"
    CREATE_ITEM = "create_item"
    READ_ITEM = "read_item"
    REPLACE_ITEM = "replace_item"
    UPSERT_ITEM = "upsert_item"
    DELETE_ITEM = "delete_item"
    PATCH_ITEM = "patch_item"
    BATCH = "batch"
    QUERY = "query"
    QUERY_PLAN = "query_plan"
    LIST_ITEMS = "list_items"


WRITES = {
    Operation.CREATE_ITEM: "Create",
    Operation.REPLACE_ITEM: "Replace",
    Operation.UPSERT_ITEM: "Upsert",
    Operation.DELETE_ITEM: "Delete",
    Operation.PATCH_ITEM: "Patch",
}
DATA_PLANE = {*WRITES, Operation.READ_ITEM, Operation.BATCH, Operation.QUERY, Operation.LIST_ITEMS}

_ITEM = {
    "GET": Operation.READ_ITEM,
    "PUT": Operation.REPLACE_ITEM,
    "DELETE": Operation.DELETE_ITEM,
    "PATCH": Operation.PATCH_ITEM,
}
_FEEDS = {
    ("GET", ""): Operation.READ_ACCOUNT,
    ("GET", "dbs"): Operation.LIST_DATABASES,
    ("POST", "dbs"): Operation.CREATE_DATABASE,
    ("GET", "colls"): Operation.LIST_CONTAINERS,
    ("POST", "colls"): Operation.CREATE_CONTAINER,
    ("GET", "pkranges"): Operation.LIST_RANGES,
    ("GET", "docs"): Operation.LIST_ITEMS,
    ("POST", "docs"): Operation.CREATE_ITEM,
    ("GET", "offers"): Operation.LIST_OFFERS,
    ("POST", "offers"): Operation.LIST_OFFERS,
}
_SINGLES = {
    ("GET", "dbs"): Operation.READ_DATABASE,
    ("DELETE", "dbs"): Operation.DELETE_DATABASE,
    ("GET", "colls"): Operation.READ_CONTAINER,
    ("DELETE", "colls"): Operation.DELETE_CONTAINER,
    **{(method, "docs"): operation for method, operation in _ITEM.items()},
}
_PARENTS = {"": (), "dbs": (), "offers": (), "colls": ("dbs",), "docs": ("dbs", "colls"), "pkranges": ("dbs", "colls")}


def resolve(method: str, segments: list[str], headers: Mapping[str, str]) -> Operation:
    """Return the operation of a request. Raises: CosmosError 501 naming one that is not supported."""
    if len(segments) > 1 and _DATABASE_RID.fullmatch(segments[1]):
        raise not_implemented("links by resource id (_self); name databases, containers and items by their ids")
    is_feed = len(segments) % 2 == 1 or not segments
    types = segments[::2]
    last = types[-1] if types else ""
    operation = (_FEEDS if is_feed else _SINGLES).get((method, last))
    if operation is None or tuple(types[:-1]) != _PARENTS[last]:
        raise not_implemented(f"{method} of {'a feed of ' if is_feed else ''}{'/'.join(types)}")
    return _by_headers(operation, last, headers)


def _by_headers(operation: Operation, last: str, headers: Mapping[str, str]) -> Operation:
    """Tell apart what shares a method and a path."""

    def flag(name: str) -> bool:
        return headers.get(name, "").lower() == "true"

    if operation is Operation.LIST_ITEMS and "a-im" in headers:
        raise not_implemented("the change feed")
    if flag("x-ms-documentdb-isquery") and operation not in (Operation.CREATE_ITEM, Operation.LIST_OFFERS):
        raise not_implemented(f"queries of {last}")
    if operation is not Operation.CREATE_ITEM:
        return operation
    for header, other in (
        ("x-ms-cosmos-is-batch-request", Operation.BATCH),
        ("x-ms-cosmos-is-query-plan-request", Operation.QUERY_PLAN),
        ("x-ms-documentdb-isquery", Operation.QUERY),
        ("x-ms-documentdb-is-upsert", Operation.UPSERT_ITEM),
    ):
        if flag(header):
            return other
    return operation
