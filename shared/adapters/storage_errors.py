"""Azure Storage's errors in our words, with the original as cause."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from azure.core.exceptions import AzureError, HttpResponseError, ResourceExistsError, ResourceNotFoundError

from shared.domain.errors import AlreadyExists, NotFound, Permanent, StoreUnavailable

_SERVER_ERROR = 500
# 401 and 403 mend without a change to the request: a key or a role is being replaced.
_PATIENCE = frozenset({401, 403, 408, 429})


@asynccontextmanager
async def in_our_words(what: str) -> AsyncIterator[None]:
    """Raise AlreadyExists, NotFound or StoreUnavailable for what the SDK raises; `what` names ids only."""
    try:
        yield
    except ResourceExistsError as exc:
        raise AlreadyExists(f"{what}: already exists") from exc
    except ResourceNotFoundError as exc:
        raise NotFound(f"{what}: not found") from exc
    except HttpResponseError as exc:
        status = exc.status_code or _SERVER_ERROR
        if status >= _SERVER_ERROR or status in _PATIENCE:
            raise StoreUnavailable(f"{what}: storage answered {status}") from exc
        raise Permanent(f"{what}: storage refused with {status} {getattr(exc, 'error_code', '')}") from exc
    except (TimeoutError, AzureError, OSError) as exc:
        raise StoreUnavailable(f"{what}: storage did not answer") from exc
