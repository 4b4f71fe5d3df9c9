"""What a service was asked with and what it answered stays out of the errors that stand for it.

The host logs whatever a function raises, with all that stands behind it. So every family of adapters is asked through
its real SDK, the answers hold a secret wherever an answer can, and what the host would log is searched for it.
"""

from __future__ import annotations

import traceback
from collections.abc import Awaitable, Callable, Iterable

from shared.adapters.azure_answers import Patience
from shared.domain.errors import ScribeError
from tests.servers.faults import Fault, Server
from tests.servers.quoting import BODY, HEADERS, SECRET

SIGNATURE = "c2lnbmF0dXJl7f3a"
"""Of an address: whoever reads it may do what it allows."""
REFUSALS = [400, 401, 403, 404, 409, 412, 413, 422]
NONSENSE = 200
"""A success in which nothing is as it should be."""
ALWAYS = 99
ONCE = Patience(attempts=1, first_wait_s=0)

Call = Callable[[], Awaitable[object]]


async def raised_by(*calls: Call) -> list[ScribeError]:
    """The errors of those that fail; an error that is none of ours is a failure of the test."""
    raised: list[ScribeError] = []
    for call in calls:
        try:
            await call()
        except ScribeError as error:
            raised.append(error)
    return raised


def assert_tells_nothing(raised: Iterable[ScribeError], *, hidden: str | None = SECRET) -> None:
    """`hidden` must stand in what was kept back from one of them at least: else nothing was put to the test."""
    raised = list(raised)
    assert raised
    for error in raised:
        told = "".join(traceback.format_exception(error))
        assert SECRET not in told
        assert SIGNATURE not in told
    assert hidden is None or any(hidden in kept_back(error) for error in raised)


def kept_back(error: BaseException | None) -> str:
    """What stands behind an error, whether it would be told or not."""
    texts = []
    while error is not None:
        error = error.__cause__ or error.__context__
        texts.append(f"{error!r} {error}")
    return "\n".join(texts)


def faults(*statuses: int, path: str = "") -> list[Fault]:
    """One at a time, each until the next."""
    return [Fault(status=status, times=ALWAYS, body=BODY, headers=HEADERS, path=path) for status in statuses]


async def raised_under(server: Server, fault: Fault, *calls: Call) -> list[ScribeError]:
    server.faults = [fault]
    return await raised_by(*calls)
