"""Calls to Azure services: what their errors mean to us, and how patiently a call is made again.

The SDKs' own retries wait as long as a server tells them, send a spent file as an empty body, or leave a 429 without
`Retry-After` alone. So they are switched off for what is costly, and this is done instead.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TypeVar

from azure.core.exceptions import (
    ClientAuthenticationError,
    DecodeError,
    HttpResponseError,
    IncompleteReadError,
    ServiceRequestError,
    ServiceResponseError,
)

from shared.adapters.azure_answers import BUSY, DENIED, MISCONFIGURED
from shared.domain.errors import EngineUnavailable, ScribeError, Transient

T = TypeVar("T")

_FOR_THE_OPERATOR: dict[int, str] = {
    HTTPStatus.UNAUTHORIZED: "the key or the app's identity is not accepted",
    HTTPStatus.FORBIDDEN: "the app's identity lacks the role, or the network is closed to it",
    HTTPStatus.NOT_FOUND: "the endpoint or what it names does not exist",
}

_CODES = {401: DENIED, 403: DENIED, 404: MISCONFIGURED, 429: BUSY}
"""Of an engine's errors, as in a session's history of attempts."""
_BUSY = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})


@dataclass(frozen=True)
class Patience:
    """How a call is made again: `retries` times, after waits in seconds that double from `first_wait_s`.

    A server's own wish goes before. One that asks for more than `longest_wait_s` is left to whoever called us.
    """

    retries: int = 4
    first_wait_s: float = 1.0
    longest_wait_s: float = 30.0
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    def wait_s(self, tries: int, wished_s: float | None) -> float | None:
        """Seconds until the next try after `tries` tries; None when there is to be none."""
        if tries > self.retries or (wished_s or 0) > self.longest_wait_s:
            return None
        if wished_s is not None:
            return wished_s
        spread = random.uniform(0.5, 1)  # noqa: S311 (keeps callers apart, guards nothing)
        return min(self.longest_wait_s, self.first_wait_s * 2 ** (tries - 1)) * spread


@dataclass(frozen=True)
class Meaning:
    """What an SDK's error comes to: ours, whether the same call may do better at once, and the wait asked for."""

    error: ScribeError
    again: bool = False
    wished_s: float | None = None


async def patiently(
    call: Callable[[], Awaitable[T]], *, meaning: Callable[[Exception], Meaning | None], patience: Patience
) -> T:
    """Make a call until it succeeds or patience ends.

    Raises: what `meaning` makes of the last error, without its cause: an SDK's errors may quote what was sent.
    Errors that mean nothing to it are defects and are raised as they are.
    """
    tries = 0
    while True:
        tries += 1
        try:
            return await call()
        except ScribeError:
            raise
        except Exception as exc:
            meant = meaning(exc)
            if meant is None:
                raise
            wait = patience.wait_s(tries, meant.wished_s) if meant.again else None
            if wait is None:
                raise meant.error from None
        await patience.sleep(wait)


def meaning_of_azure_error(error: Exception, service: str, unavailable: type[Transient]) -> Meaning | None:
    """What an error of azure-core means that any service may raise; None for what is the service's own."""
    if isinstance(error, DecodeError | IncompleteReadError | ServiceRequestError | ServiceResponseError | TimeoutError):
        return Meaning(unavailable(f"{service} does not answer: {type(error).__name__}"), again=True)
    if isinstance(error, ClientAuthenticationError) and error.response is None:
        return Meaning(unavailable(f"{service} cannot be asked: the app's identity gets no token"))
    if isinstance(error, HttpResponseError) and error.status_code is not None:
        headers = error.response.headers if error.response is not None else {}
        return meaning_of_status(error.status_code, headers, service, unavailable)
    return None


def meaning_of_status(
    status: int, headers: Mapping[str, str], service: str, unavailable: type[Transient]
) -> Meaning | None:
    """What an HTTP status means that any service may answer.

    A refused key or a missing role is an operator's to mend and no fault of what was sent: the work stays to be done.
    """
    code = _CODES.get(status) if unavailable is EngineUnavailable else None
    if status in _FOR_THE_OPERATOR:
        return Meaning(unavailable(f"{service} answers {status}: {_FOR_THE_OPERATOR[status]}", code=code))
    if status in _BUSY or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        wished = retry_after_s(headers)
        error = unavailable(f"{service} answers {status}", code=code)
        if wished is not None:
            error.retry_after_s = math.ceil(wished)
        return Meaning(error, again=True, wished_s=wished)
    return None


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
