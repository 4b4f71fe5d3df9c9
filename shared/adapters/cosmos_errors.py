"""Cosmos DB's errors in our words, with the original as cause."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from azure.core.exceptions import AzureError, HttpResponseError

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
    try:
        async with asyncio.timeout(deadline_s):
            yield
    except HttpResponseError as exc:
        raise _translated(exc, what) from exc
    except AzureError as exc:
        raise StoreUnavailable(f"{what}: no answer") from exc
    except TimeoutError as exc:
        raise StoreUnavailable(f"{what}: no answer in {deadline_s:g} s") from exc


def _translated(exc: HttpResponseError, what: str) -> ScribeError:
    status = exc.status_code or _SERVER_ERROR
    sub_status = getattr(exc, "sub_status", None)
    if status in _PATIENCE or status >= _SERVER_ERROR or sub_status == NO_SUCH_CONTAINER:
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
