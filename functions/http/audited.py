"""Every operation that touches patient data leaves an entry in the audit trail."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, cast

from shared.bootstrap import Services
from shared.domain.access import Decision, noting
from shared.domain.caller import Caller
from shared.domain.errors import ScribeError

Endpoint = TypeVar("Endpoint", bound=Callable[..., Awaitable[Any]])


def audited(endpoint: Endpoint) -> Endpoint:
    """Enter in the trail what the endpoint was let near, after its outcome is known and before it is answered.

    An endpoint that takes no caller touches nobody's data. If the entry cannot be written, nothing is handed out:
    the answer is a 503, and the request may be repeated.
    """

    @functools.wraps(endpoint)
    async def run(**given: Any) -> Any:
        with noting() as decisions:
            try:
                answer = await endpoint(**given)
            except Exception as error:
                code = error.code if isinstance(error, ScribeError) else ScribeError.code
                await _enter(endpoint.__name__, given, decisions, code)
                raise
            await _enter(endpoint.__name__, given, decisions, "ok")
            return answer

    return cast("Endpoint", run)


async def _enter(operation: str, given: dict[str, Any], decisions: list[Decision], outcome: str) -> None:
    if decisions:
        app: Services = given["app"]
        caller: Caller = given["caller"]
        await app.audit.record(caller, operation, decisions, outcome)
