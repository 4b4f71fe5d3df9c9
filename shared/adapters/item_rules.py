"""The limits every item store keeps, checked before anything is sent: breaking one is a bug, hence ValueError."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.domain.errors import InvalidInput
from shared.domain.names import PARTITION_KEYS
from shared.ports import MAX_STEPS, Change, Create, Delete, JsonObject, Patch, Replace, Step, Upsert

MAX_ITEM_BYTES = 2 * 1024 * 1024
_MAX_CHANGES = 10
_MAX_PAGE = 1000
_MAX_ID_BYTES = 1023
_FIELD = re.compile(r"[a-z][a-z0-9_]*")


def check_steps(container: str, partition: str, steps: Sequence[Step]) -> None:
    """1 to 100 steps, all in the partition they are sent to."""
    if not 0 < len(steps) <= MAX_STEPS:
        raise ValueError(f"a batch of {len(steps)} steps")
    for step in steps:
        check_id(item_id_of(step))
        match step:
            case Create(body) | Upsert(body) | Replace(body):
                _check_partition(container, partition, body)
            case Patch(changes=changes):
                _check_changes(container, changes)


def item_id_of(step: Step) -> str:
    """Which item a step is about."""
    match step:
        case Patch(item_id) | Delete(item_id):
            return item_id
        case Create(body) | Upsert(body) | Replace(body):
            return str(body["id"])


def check_id(item_id: str) -> None:
    """Cosmos refuses some characters, and long ids."""
    if not item_id or len(item_id.encode()) > _MAX_ID_BYTES or any(char in item_id for char in "/\\?#"):
        raise ValueError("an item id is empty, too long or has one of / \\ ? #")


def _check_partition(container: str, partition: str, body: JsonObject) -> None:
    if body.get(PARTITION_KEYS[container]) != partition:
        raise ValueError(f"an item of {container} says it belongs to another partition than the one it is sent to")


def _check_changes(container: str, changes: Sequence[Change]) -> None:
    if not 0 < len(changes) <= _MAX_CHANGES:
        raise ValueError(f"a patch of {len(changes)} changes")
    for change in changes:
        if change.op not in {"set", "incr", "remove"}:
            raise ValueError(f"unknown patch operation {change.op}")
        if not change.path.startswith("/") or change.path in {"/", "/id", "/" + PARTITION_KEYS[container]}:
            raise ValueError(f"{change.path} cannot be patched")
        if change.op == "incr" and (isinstance(change.value, bool) or not isinstance(change.value, int | float)):
            raise ValueError("incr takes a number")


@dataclass(frozen=True)
class Listing:
    """A query's parameters, checked, and the continuations that belong to it."""

    container: str
    partition: str
    equal: Mapping[str, Any]
    order_by: str | None
    descending: bool
    limit: int

    def __post_init__(self) -> None:
        if self.container not in PARTITION_KEYS:
            raise ValueError(f"unknown container {self.container}")
        if not 0 < self.limit <= _MAX_PAGE:
            raise ValueError(f"a page of {self.limit} items")
        for name in [*self.equal, *([self.order_by] if self.order_by else [])]:
            if not _FIELD.fullmatch(name):
                raise ValueError(f"{name} is no field name")

    def continuation(self, token: str | None) -> str | None:
        """A store's own token made opaque, safe in a header or an address, and tied to this query."""
        if token is None:
            return None
        return base64.urlsafe_b64encode(json.dumps([self._digest(), token]).encode()).decode("ascii")

    def token(self, continuation: str | None) -> str | None:
        """The store's own token. Raises: InvalidInput when the continuation is of another query, or of nobody."""
        if continuation is None:
            return None
        try:
            digest, token = json.loads(base64.urlsafe_b64decode(continuation))
        except (ValueError, TypeError):
            raise invalid_continuation() from None
        if digest != self._digest() or not isinstance(token, str):
            raise invalid_continuation()
        return token

    def _digest(self) -> str:
        what = [self.container, self.partition, sorted(self.equal.items()), self.order_by, self.descending]
        return hashlib.sha256(json.dumps(what).encode()).hexdigest()[:16]


def invalid_continuation() -> InvalidInput:
    """The error of a continuation that is not ours."""
    return InvalidInput("the continuation does not belong to this list", code="invalid_continuation")
