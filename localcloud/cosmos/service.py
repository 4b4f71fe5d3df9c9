"""The operations: what each one answers."""

from collections.abc import Callable
from typing import Any

from localcloud.cosmos.batch import run_batch
from localcloud.cosmos.catalogue import Catalogue
from localcloud.cosmos.charges import METADATA
from localcloud.cosmos.container import Container, check_id, new_definition
from localcloud.cosmos.errors import CONTAINER_RECREATED, bad_request, too_large
from localcloud.cosmos.items import ITEM_LIMIT, ItemRequest, Items, Outcome
from localcloud.cosmos.partition import RANGES, PartitionKey, key_from_header
from localcloud.cosmos.queries import answer_listing, answer_plan, answer_query
from localcloud.cosmos.routing import WRITES, Operation
from localcloud.cosmos.store import ItemStore
from localcloud.cosmos.values import dump
from localcloud.cosmos.wire import WireRequest, WireResponse

_RANGES_ETAG = '"1"'
_NO_CONTENT, _NOT_MODIFIED = 204, 304


class CosmosService:
    """Answers authenticated requests whose operation is known."""

    def __init__(self, catalogue: Catalogue, store: ItemStore) -> None:
        self._catalogue = catalogue
        self._store = store
        self._metadata: dict[Operation, Callable[[WireRequest], WireResponse]] = {
            Operation.READ_ACCOUNT: _account,
            Operation.LIST_OFFERS: _offers,
            Operation.CREATE_DATABASE: self._create_database,
            Operation.READ_DATABASE: self._read_database,
            Operation.LIST_DATABASES: self._list_databases,
            Operation.DELETE_DATABASE: self._delete_database,
            Operation.CREATE_CONTAINER: self._create_container,
            Operation.READ_CONTAINER: self._read_container,
            Operation.LIST_CONTAINERS: self._list_containers,
            Operation.DELETE_CONTAINER: self._delete_container,
            Operation.LIST_RANGES: self._list_ranges,
        }

    def answer(self, operation: Operation, request: WireRequest) -> WireResponse:
        """Do what is asked. Raises: CosmosError for what is refused."""
        if operation in self._metadata:
            return self._metadata[operation](request)
        return self._items(operation, self._container(request), request)

    def _create_database(self, request: WireRequest) -> WireResponse:
        return _resource(201, self._catalogue.create_database(check_id(request.json())))

    def _read_database(self, request: WireRequest) -> WireResponse:
        return _resource(200, self._catalogue.database(request.segments[1]))

    def _list_databases(self, request: WireRequest) -> WireResponse:
        return _feed("Databases", self._catalogue.databases())

    def _delete_database(self, request: WireRequest) -> WireResponse:
        self._catalogue.delete_database(request.segments[1])
        return WireResponse(_NO_CONTENT)

    def _create_container(self, request: WireRequest) -> WireResponse:
        body = request.json()
        check_id(body)
        container = self._catalogue.create_container(request.segments[1], new_definition(body))
        return _resource(201, container.definition)

    def _read_container(self, request: WireRequest) -> WireResponse:
        return _resource(200, self._container(request).definition)

    def _list_containers(self, request: WireRequest) -> WireResponse:
        found = self._catalogue.containers(request.segments[1])
        return _feed("DocumentCollections", [each.definition for each in found])

    def _delete_container(self, request: WireRequest) -> WireResponse:
        self._catalogue.delete_container(self._container(request))
        return WireResponse(_NO_CONTENT)

    def _list_ranges(self, request: WireRequest) -> WireResponse:
        return _ranges(self._container(request), request)

    def _container(self, request: WireRequest) -> Container:
        container = self._catalogue.container(request.segments[1], request.segments[3])
        if request.headers.get("x-ms-cosmos-intended-collection-rid", container.rid) != container.rid:
            raise bad_request("The container has been deleted and created anew.", CONTAINER_RECREATED)
        return container

    def _items(self, operation: Operation, container: Container, request: WireRequest) -> WireResponse:
        key = key_from_header(request.headers.get("x-ms-documentdb-partitionkey"), container.key_version)
        match operation:
            case Operation.QUERY_PLAN:
                return answer_plan(request)
            case Operation.QUERY:
                answer = answer_query(self._store, container, key, request)
            case Operation.LIST_ITEMS:
                answer = answer_listing(self._store, container, key, request)
            case _:
                answer = self._item(operation, container, key, request)
        answer.headers.update(self._session(container, key, request))
        return answer

    def _item(
        self, operation: Operation, container: Container, key: PartitionKey | None, request: WireRequest
    ) -> WireResponse:
        if len(request.body) > ITEM_LIMIT:  # whatever the item's own size: escaped text counts as it is sent
            raise too_large(ITEM_LIMIT)
        items = Items(self._store, container, key)
        if operation is Operation.BATCH:
            if key is None:
                raise bad_request("A batch needs a partition key.")
            return _outcome(run_batch(self._store, items, request.json()))
        item_request = _item_request(operation, request)
        if operation is Operation.READ_ITEM:
            return _outcome(items.apply(item_request))
        with self._store.writing():
            outcome = items.apply(item_request)
        return _outcome(outcome, minimal=request.headers.get("prefer") == "return=minimal")

    def _session(self, container: Container, key: PartitionKey | None, request: WireRequest) -> dict[str, str]:
        named = request.headers.get("x-ms-documentdb-partitionkeyrangeid", RANGES[0].id).rpartition(",")[2]
        lsn = self._store.lsn(container)
        return {
            "x-ms-session-token": f"{key.range_id if key else named}:-1#{lsn}",
            # Without it the SDK takes each write for the sign of a split, and asks for all ranges again.
            "x-ms-documentdb-partitionkeyrangeid": key.range_id if key else named,
            "lsn": str(lsn),
            "x-ms-alt-content-path": container.link,
            "x-ms-content-path": container.rid,
        }


def _item_request(operation: Operation, request: WireRequest) -> ItemRequest:
    item_id = request.segments[5] if len(request.segments) > 5 else None  # noqa: PLR2004 - dbs/x/colls/y/docs/id
    has_body = operation in WRITES and operation is not Operation.DELETE_ITEM
    return ItemRequest(
        WRITES.get(operation, "Read"),
        item_id,
        request.json() if has_body else None,
        request.headers.get("if-match"),
        request.headers.get("if-none-match"),
    )


def _outcome(outcome: Outcome, *, minimal: bool = False) -> WireResponse:
    headers = {"etag": outcome.etag} if outcome.etag else {}
    return WireResponse(outcome.status, None if minimal else outcome.body, outcome.charge, headers)


def _resource(status: int, body: dict[str, Any]) -> WireResponse:
    return WireResponse(status, dump(body), METADATA, {"etag": body["_etag"]})


def _feed(name: str, found: list[dict[str, Any]], headers: dict[str, str] | None = None) -> WireResponse:
    body = {"_rid": "", name: found, "_count": len(found)}
    return WireResponse(200, dump(body), METADATA, {"x-ms-item-count": str(len(found)), **(headers or {})})


def _account(request: WireRequest) -> WireResponse:
    location = [{"name": "Local", "databaseAccountEndpoint": request.base_url}]
    body = {
        "id": "local",
        "_rid": "local",
        "_self": "",
        "_dbs": "//dbs/",
        "media": "//media/",
        "addresses": "//addresses/",
        "writableLocations": location,
        "readableLocations": location,
        "enableMultipleWriteLocations": False,
        "userReplicationPolicy": {"minReplicaSetSize": 1, "maxReplicasetSize": 1},
        "userConsistencyPolicy": {"defaultConsistencyLevel": "Session"},
        "systemReplicationPolicy": {"minReplicaSetSize": 1, "maxReplicasetSize": 1},
        "readPolicy": {"primaryReadCoefficient": 1, "secondaryReadCoefficient": 1},
        "queryEngineConfiguration": "{}",
    }
    return WireResponse(200, dump(body))


def _offers(request: WireRequest) -> WireResponse:
    raise bad_request("Reading or replacing offers is not supported for serverless accounts.")


def _ranges(container: Container, request: WireRequest) -> WireResponse:
    """Answer the ranges once: the SDK asks again for changes since an ETag, and there are none."""
    headers = {"etag": _RANGES_ETAG}
    if request.headers.get("if-none-match") == _RANGES_ETAG:
        return WireResponse(_NOT_MODIFIED, None, METADATA, headers)
    found = [
        {
            "id": each.id,
            "_rid": f"{container.rid}{each.id}",
            "_self": f"{container.definition['_self']}pkranges/{each.id}/",
            "_etag": _RANGES_ETAG,
            "_ts": container.definition["_ts"],
            "minInclusive": each.low,
            "maxExclusive": each.high,
            "ridPrefix": int(each.id),
            "throughputFraction": 1 / len(RANGES),
            "status": "online",
            "parents": [],
        }
        for each in RANGES
    ]
    return _feed("PartitionKeyRanges", found, headers)
