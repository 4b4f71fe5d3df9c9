"""What Azure Storage's errors mean to us."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import partial

from azure.core.exceptions import (
    AzureError,
    DeserializationError,
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
)

from shared.adapters import sdk_errors
from shared.domain.errors import AlreadyExists, NotFound, Permanent, ScribeError, StoreUnavailable

_CLIENT_ERROR = 400
_SERVER_ERROR = 500
# 401 and 403 mend without a change to the request: a key or a role is being replaced.
_PATIENCE = frozenset({401, 403, 408, 429})


def in_our_words(what: str) -> AbstractContextManager[None]:
    """Raise AlreadyExists, NotFound, Permanent or StoreUnavailable for what the SDK raises; `what` names ids only."""
    return sdk_errors.in_our_words(partial(_meaning, what))


def _meaning(what: str, error: Exception) -> ScribeError | None:
    if isinstance(error, ResourceExistsError):
        return AlreadyExists(f"{what}: already exists")
    if isinstance(error, ResourceNotFoundError):
        return NotFound(f"{what}: not found")
    if isinstance(error, HttpResponseError) and error.status_code is not None:
        return _meaning_of_answer(what, error.status_code, getattr(error, "error_code", None))
    if isinstance(error, AzureError | DeserializationError | TimeoutError | OSError):
        return StoreUnavailable(f"{what}: storage did not answer, or nothing that can be read")
    return None


def _meaning_of_answer(what: str, status: int, code: object) -> ScribeError:
    if status in _PATIENCE or not _CLIENT_ERROR <= status < _SERVER_ERROR:  # below, it is a success that cannot be read
        return StoreUnavailable(f"{what}: storage answered {status}")
    return Permanent(f"{what}: storage refused with {status} {sdk_errors.plain(code)}")
