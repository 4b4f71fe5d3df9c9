"""What can be done to one item, alone or within a batch."""

import json
import uuid
from dataclasses import dataclass
from typing import Any

from localcloud.cosmos.charges import read_charge, write_charge
from localcloud.cosmos.container import FOREVER, Container, valid_ttl
from localcloud.cosmos.errors import (
    PATCH_CONDITION_FAILED,
    bad_request,
    conflict,
    not_found,
    precondition_failed,
    too_large,
)
from localcloud.cosmos.partition import PartitionKey, key_of, mismatch
from localcloud.cosmos.patch import patched
from localcloud.cosmos.rids import item_rid
from localcloud.cosmos.sql import parse_condition
from localcloud.cosmos.store import ItemStore, NewRow, Row
from localcloud.cosmos.values import dump

ITEM_LIMIT = 2 * 1024 * 1024
_ID_LIMIT = 1023
_SYSTEM = ("_rid", "_self", "_etag", "_ts", "_attachments")


@dataclass(frozen=True)
class ItemRequest:
    """One operation: `kind` as batches spell it (`Create`, `Read`, …); ETags with their quotes."""

    kind: str
    item_id: str | None = None
    body: Any = None
    if_match: str | None = None
    if_none_match: str | None = None


@dataclass(frozen=True)
class Outcome:
    """An operation done: HTTP status, RU, and the item as JSON text and its ETag where there is one."""

    status: int
    charge: float
    body: str | None = None
    etag: str | None = None


class Items:
    """The items of one container, seen from one partition key."""

    def __init__(self, store: ItemStore, container: Container, key: PartitionKey | None) -> None:
        """`key` may be None for creating and upserting, when the document says it."""
        self._store = store
        self._container = container
        self._key = key

    def apply(self, request: ItemRequest) -> Outcome:
        """Do it, within the caller's transaction if it writes.

        Raises: CosmosError 400, 404, 409, 412 or 413, as Azure does.
        """
        match request.kind:
            case "Create":
                return self._create(request)
            case "Upsert":
                return self._upsert(request)
            case "Read":
                return self._read(request)
            case "Replace":
                return self._replace(request)
            case "Patch":
                return self._patch(request)
            case "Delete":
                return self._delete(request)
        raise bad_request(f"Unknown operation type {request.kind}.")

    def _create(self, request: ItemRequest) -> Outcome:
        key = self._key_of(request.body)
        if self._store.read(self._container, key, request.body["id"]):
            raise conflict("Entity")
        return self._insert(key, request.body)

    def _upsert(self, request: ItemRequest) -> Outcome:
        key = self._key_of(request.body)
        current = self._store.read(self._container, key, request.body["id"])
        if current is None:
            return self._insert(key, request.body)
        _check_match(current, request.if_match)
        return self._update(key, request.body["id"], current, request.body)

    def _read(self, request: ItemRequest) -> Outcome:
        _, row = self._existing(request)
        if request.if_none_match == row.etag:
            return Outcome(304, read_charge(0), None, row.etag)
        return Outcome(200, read_charge(len(row.body)), row.body, row.etag)

    def _replace(self, request: ItemRequest) -> Outcome:
        key, current = self._existing(request)
        _check_match(current, request.if_match)
        self._key_of(request.body)
        new_id = request.body["id"]
        if new_id != request.item_id and self._store.read(self._container, key, new_id):
            raise conflict("Entity")
        return self._update(key, request.item_id or new_id, current, request.body)

    def _patch(self, request: ItemRequest) -> Outcome:
        key, current = self._existing(request)
        _check_match(current, request.if_match)
        document = json.loads(current.body)
        body = request.body if isinstance(request.body, dict) else {}
        condition = body.get("condition")
        if condition and not parse_condition(condition)(document):
            raise precondition_failed("The condition of the patch is not satisfied.", PATCH_CONDITION_FAILED)
        changed = patched(document, body.get("operations"))
        self._key_of(changed)
        return self._update(key, changed["id"], current, changed)

    def _delete(self, request: ItemRequest) -> Outcome:
        key, current = self._existing(request)
        _check_match(current, request.if_match)
        self._store.next_lsn(self._container)
        self._store.delete(self._container, key, request.item_id or "")
        return Outcome(204, write_charge(len(current.body)))

    def _existing(self, request: ItemRequest) -> tuple[PartitionKey, Row]:
        if self._key is None:
            raise bad_request("PartitionKey value must be supplied for this operation.")
        row = self._store.read(self._container, self._key, request.item_id or "")
        if row is None:
            raise not_found()
        return self._key, row

    def _key_of(self, document: Any) -> PartitionKey:
        _check_document(document)
        key = key_of(document, self._container.key_path, self._container.key_version)
        if self._key is not None and self._key != key:
            raise mismatch()
        return key

    def _insert(self, key: PartitionKey, document: dict[str, Any]) -> Outcome:
        new = self._row(self._store.next_lsn(self._container), document)
        self._store.insert(self._container, key, new)
        return Outcome(201, write_charge(len(new.body)), new.body, new.etag)

    def _update(self, key: PartitionKey, item_id: str, current: Row, document: dict[str, Any]) -> Outcome:
        self._store.next_lsn(self._container)
        new = self._row(current.born, document)
        self._store.update(self._container, key, item_id, new)
        return Outcome(200, write_charge(len(new.body)), new.body, new.etag)

    def _row(self, born: int, document: dict[str, Any]) -> NewRow:
        now = self._store.clock.now()
        rid = item_rid(self._container.rid, born)
        etag = f'"{uuid.uuid4()}"'
        own = {name: value for name, value in document.items() if name not in _SYSTEM}
        link = f"{self._container.definition['_self']}docs/{rid}/"
        system = {"_rid": rid, "_self": link, "_etag": etag, "_attachments": "attachments/", "_ts": int(now)}
        body = dump({**own, **system})
        if len(body.encode()) > ITEM_LIMIT:
            raise too_large(ITEM_LIMIT)
        return NewRow(born, document["id"], etag, self._expiry(document, now), body)

    def _expiry(self, document: dict[str, Any], now: float) -> float | None:
        default = self._container.default_ttl
        if default is None:
            return None
        ttl = document.get("ttl", default)
        return None if ttl == FOREVER else now + ttl


def _check_document(document: Any) -> None:
    item_id = document.get("id") if isinstance(document, dict) else None
    if not isinstance(item_id, str) or not item_id:
        raise bad_request("The input content is invalid because the required properties - 'id; ' - are missing")
    if any(c in item_id for c in "/\\?#") or len(item_id.encode()) > _ID_LIMIT:
        raise bad_request(f"An id has at most {_ID_LIMIT} bytes and none of / \\ ? #.")
    if "ttl" in document and not valid_ttl(document["ttl"]):
        raise bad_request("The input ttl is invalid. Ensure to provide a nonzero positive integer or -1.")


def _check_match(row: Row, if_match: str | None) -> None:
    if if_match not in (None, "*", row.etag):
        raise precondition_failed()
