"""What Cosmos DB's errors mean to us."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from azure.core.exceptions import AzureError, HttpResponseError

from shared.adapters import sdk_errors
from shared.domain.errors import (
    AlreadyExists,
    NotFound,
    Permanent,
    PreconditionFailed,
    ScribeError,
    StoreUnavailable,
    TooLarge,
)

NO_SUCH_CONTAINER = 1003
"""Sub-status of a 404: not the item is missing but what should hold it."""

# 401 and 403 are here because they mend without a change to the request: a key or a role is being replaced.
# 449 is a write that met another one.
_PATIENCE = frozenset({401, 403, 408, 410, 429, 449})
_CLIENT_ERROR = 400
_SERVER_ERROR = 500
_BY_STATUS: Mapping[int, type[ScribeError]] = {
    404: NotFound,
    409: AlreadyExists,
    412: PreconditionFailed,
    413: TooLarge,
}


@asynccontextmanager
async def in_our_words(what: str, *, deadline_s: float) -> AsyncIterator[None]:
    """Give the block `deadline_s` seconds and turn what it raises into the errors of `shared.domain.errors`.

    `what` names the operation and its ids; it becomes the message.
    """

    def meaning(error: Exception) -> ScribeError | None:
        if isinstance(error, HttpResponseError):
            return _meaning_of_answer(error, what)
        if isinstance(error, AzureError):
            return StoreUnavailable(f"{what}: no answer")
        return StoreUnavailable(f"{what}: no answer in {deadline_s:g} s") if isinstance(error, TimeoutError) else None

    with sdk_errors.in_our_words(meaning):
        async with asyncio.timeout(deadline_s):
            yield


def _meaning_of_answer(exc: HttpResponseError, what: str) -> ScribeError:
    status = exc.status_code or _SERVER_ERROR
    no_container = getattr(exc, "sub_status", None) == NO_SUCH_CONTAINER
    refused = _CLIENT_ERROR <= status < _SERVER_ERROR  # below, it is a success that cannot be read
    if status in _PATIENCE or not refused or no_container:
        return _unavailable(exc, f"{what}: status {status}")
    if status in _BY_STATUS:
        return _BY_STATUS[status](what)
    return Permanent(f"{what}: status {status}", code="store_refused")


def _unavailable(exc: HttpResponseError, message: str) -> StoreUnavailable:
    error = StoreUnavailable(message)
    wait_ms = (getattr(exc, "headers", None) or {}).get("x-ms-retry-after-ms")
    if wait_ms is not None:
        error.retry_after_s = max(1, -(-int(float(wait_ms)) // 1000))
    return error
