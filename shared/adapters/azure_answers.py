"""What Azure's refusals mean to us, and how long we go on asking."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from shared.domain.errors import EngineRefused, EngineUnavailable

log = logging.getLogger(__name__)

T = TypeVar("T")

DENIED = "engine_denied"
MISCONFIGURED = "engine_misconfigured"
BUSY = "engine_busy"

_CODES = {401: DENIED, 403: DENIED, 404: MISCONFIGURED, 429: BUSY}
_PASSING = frozenset({408, 409, 425})
_CLIENT_ERROR = 400
_SERVER_ERROR = 500


class AskedToWait(EngineUnavailable):
    """The service said how many seconds it wants to be left alone."""

    def __init__(self, message: str, wait_s: float, *, code: str | None = None) -> None:
        super().__init__(message, code=code)
        self.wait_s = wait_s
        self.retry_after_s = max(1, math.ceil(wait_s))


def engine_error(
    service: str, status: int | None, *, retry_after_s: float | None = None
) -> EngineUnavailable | EngineRefused:
    """What an answer that is no success comes to; `status` is None where none came at all.

    A wrong key, a missing role or a wrong address (a redirection is one, too) is the operator's fault and never the
    session's, so it does not end one: EngineUnavailable with the code `engine_denied` or `engine_misconfigured`.
    Neither does 429 (`engine_busy`), nor what the service could not do just now. Whatever else it says of a request
    is final.
    """
    if status is None:
        return EngineUnavailable(f"{service} did not answer")
    said = f"{service} answered {status}"
    code = _CODES.get(status) or (MISCONFIGURED if status < _CLIENT_ERROR else None)
    if code is None and status < _SERVER_ERROR and status not in _PASSING:
        return EngineRefused(said)
    if retry_after_s is None:
        return EngineUnavailable(said, code=code)
    return AskedToWait(said, retry_after_s, code=code)


@dataclass(frozen=True)
class Patience:
    """How often a service is asked before the host's retry takes over, and how long between."""

    attempts: int = 5
    first_wait_s: float = 2
    """Doubled with each attempt…"""
    longest_wait_s: float = 60
    """…up to this. A service that asks for more is left to the host's retry."""
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    def wait_s(self, failures: int, error: EngineUnavailable) -> float | None:
        """Seconds until the next attempt after so many failed in a row, `error` the last; None: there is none.

        What only an operator can mend is not asked again: there is nothing to wait for here.
        """
        if failures >= self.attempts or error.code in (DENIED, MISCONFIGURED):
            return None
        wait = min(self.first_wait_s * 2.0 ** (failures - 1), self.longest_wait_s)
        if isinstance(error, AskedToWait):
            return max(wait, error.wait_s) if error.wait_s <= self.longest_wait_s else None
        return wait

    async def ask(self, call: Callable[[], Awaitable[T]]) -> T:
        """The call's result, once it succeeds. Raises: its last EngineUnavailable, or any other error at once."""
        failures = 0
        while True:
            try:
                return await call()
            except EngineUnavailable as error:
                failures += 1
                wait = self.wait_s(failures, error)
                if wait is None:
                    raise
                log.warning("%s: asked again in %g s", error, wait)
                await self.sleep(wait)
