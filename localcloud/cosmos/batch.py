"""Transactional batches: up to 100 operations in one partition, all of them or none."""

from typing import Any

from localcloud.cosmos.errors import CosmosError, bad_request
from localcloud.cosmos.items import ItemRequest, Items, Outcome
from localcloud.cosmos.store import ItemStore
from localcloud.cosmos.values import dump

_OPERATIONS_LIMIT = 100
_FAILED_DEPENDENCY = 424
_MULTI_STATUS = 207


class _RolledBack(Exception):
    """Carries the answer of a batch out of the transaction it must not commit."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__()
        self.outcome = outcome


def run_batch(store: ItemStore, items: Items, operations: Any) -> Outcome:
    """Run the operations of a request's body; the outcome's body lists one result each.

    200 when all are done; 207 when one failed: it has its status, the others 424, and nothing has changed.
    Raises: CosmosError 400 for what is no batch.
    """
    if not isinstance(operations, list) or not operations:
        raise bad_request("Batch request has no operations.")
    if len(operations) > _OPERATIONS_LIMIT:
        raise bad_request("Batch request has more operations than what is supported.")
    try:
        with store.writing():
            return _run(items, operations)
    except _RolledBack as rolled_back:
        return rolled_back.outcome


def _run(items: Items, operations: list[Any]) -> Outcome:
    results, charge = [], 0.0
    for position, operation in enumerate(operations):
        try:
            outcome = items.apply(_request(operation))
        except CosmosError as error:
            raise _RolledBack(_failure(error, position, len(operations))) from error
        charge += outcome.charge
        results.append(_result(outcome))
    return Outcome(200, round(charge, 2), f"[{','.join(results)}]")


def _request(operation: Any) -> ItemRequest:
    if not isinstance(operation, dict):
        raise bad_request("A batch operation is an object.")
    return ItemRequest(
        str(operation.get("operationType")),
        operation.get("id"),
        operation.get("resourceBody"),
        operation.get("ifMatch"),
        operation.get("ifNoneMatch"),
    )


def _result(outcome: Outcome) -> str:
    head = dump({"statusCode": outcome.status, "requestCharge": outcome.charge, "eTag": outcome.etag})
    return head if outcome.body is None else f'{head[:-1]},"resourceBody":{outcome.body}}}'


def _failure(error: CosmosError, position: int, count: int) -> Outcome:
    results: list[dict[str, Any]] = [{"statusCode": _FAILED_DEPENDENCY, "requestCharge": 0.0}] * count
    results[position] = {
        "statusCode": error.status,
        "subStatusCode": error.substatus,
        "message": error.message,
        "requestCharge": 1.0,
    }
    return Outcome(_MULTI_STATUS, 1.0, dump(results))
