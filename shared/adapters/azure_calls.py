"""Calls through Azure's SDKs: what their errors mean to us, and how patiently a call is made again.

The SDKs' own retries wait as long as a server tells them, send a spent file as an empty body, or leave a 429 without
`Retry-After` alone. So they are switched off for what is costly, and this is done instead.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from json import JSONDecodeError
from typing import TypeVar

from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    DecodeError,
    DeserializationError,
    HttpResponseError,
)

from shared.adapters.azure_answers import DENIED, Patience, engine_error
from shared.adapters.sdk_errors import Meaning, in_our_words
from shared.domain.errors import EngineUnavailable, ScribeError

T = TypeVar("T")


async def patiently(call: Callable[[], Awaitable[T]], *, meaning: Meaning, patience: Patience) -> T:
    """Make a call until it succeeds or patience ends. Raises: what `meaning` makes of the last error."""

    async def tried() -> T:
        with in_our_words(meaning):
            return await call()

    return await patience.ask(tried)


def meaning_of_azure_error(error: Exception, service: str) -> ScribeError | None:
    """What an error of azure-core means whatever the service; None for what is none of azure-core's."""
    if isinstance(error, DecodeError | DeserializationError | JSONDecodeError | TimeoutError):
        return engine_error(service, None)
    if isinstance(error, ClientAuthenticationError) and error.response is None:
        return EngineUnavailable(f"the app's identity gets no token for {service}", code=DENIED)
    if isinstance(error, HttpResponseError) and error.status_code is not None:
        headers: Mapping[str, str] = getattr(error.response, "headers", {})
        return engine_error(service, error.status_code, retry_after_s=retry_after_s(headers))
    return engine_error(service, None) if isinstance(error, AzureError) else None


def retry_after_s(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Seconds a server asks for: `retry-after-ms` of Azure, or `Retry-After` (RFC 9110 §10.2.3, both forms)."""
    for name in ("retry-after-ms", "x-ms-retry-after-ms"):
        if (value := _number(headers.get(name))) is not None:
            return value / 1000
    given = headers.get("Retry-After")
    seconds = _number(given)
    if seconds is not None or given is None:
        return seconds
    try:
        until = parsedate_to_datetime(given)
    except ValueError:
        return None
    return max(0.0, (until - (now or datetime.now(UTC))).total_seconds()) if until.tzinfo is not None else None


def _number(given: str | None) -> float | None:
    try:
        value = float(given) if given is not None else math.nan
    except ValueError:
        return None
    return value if value >= 0 and math.isfinite(value) else None
