"""Faults on demand: refused requests, and a process that dies after a commit and before its answer."""

import os
from dataclasses import dataclass
from typing import Any

from localcloud.cosmos.errors import THROTTLED, CosmosError, bad_request
from localcloud.cosmos.routing import DATA_PLANE

_RETRY_WITH, _TOO_MANY_REQUESTS, _UNAVAILABLE = 449, 429, 503
_MESSAGES = {
    _TOO_MANY_REQUESTS: "Request rate is large. More Request Units may be needed.",
    _RETRY_WITH: "Conflicting request to resource has been attempted. Retry to avoid conflicts.",
    _UNAVAILABLE: "Service is currently unavailable, please retry after a while.",
}
# What a shell reports for a process ended by SIGKILL: whoever waits sees the crash it asked for.
_EXIT_CODE = 137


@dataclass
class _Refusal:
    status: int
    left: int
    retry_after_ms: int | None
    operation: str | None

    def error(self) -> CosmosError:
        headers = {} if self.retry_after_ms is None else {"x-ms-retry-after-ms": str(self.retry_after_ms)}
        substatus = THROTTLED if self.status == _TOO_MANY_REQUESTS else 0
        return CosmosError(self.status, _MESSAGES[self.status], substatus=substatus, headers=headers)


class Faults:
    """The faults ordered and not used up yet."""

    def __init__(self) -> None:
        self._refusals: list[_Refusal] = []
        self._writes_to_live: int | None = None

    def order(self, wish: Any) -> None:
        """Take `{"status", "count"?, "retry_after_ms"?, "operation"?}` or `{"kill_after"}`, a number of commits.

        Raises: CosmosError 400 when it is neither.
        """
        match wish:
            case {"kill_after": int(writes)} if writes > 0:
                self._writes_to_live = writes
            case {"status": 503 | 429 | 449}:
                self._refusals.append(_refusal(wish))
            case _:
                raise bad_request("A fault is {status: 503|429|449, count, retry_after_ms, operation} or {kill_after}.")

    def reset(self) -> None:
        """Forget what was ordered."""
        self._refusals.clear()
        self._writes_to_live = None

    def check(self, operation: str) -> None:
        """Refuse a data-plane request when a fault for it is due. Raises: CosmosError 503, 429 or 449."""
        for refusal in self._refusals:
            if refusal.operation in (None, operation):
                refusal.left -= 1
                if refusal.left == 0:
                    self._refusals.remove(refusal)
                raise refusal.error()

    def committed(self) -> None:
        """Count one committed write; ends the process, without its answer, when it was the last one allowed."""
        if self._writes_to_live is None:
            return
        self._writes_to_live -= 1
        if self._writes_to_live == 0:
            os._exit(_EXIT_CODE)


def _refusal(wish: dict[str, Any]) -> _Refusal:
    count = wish.get("count", 1)
    if not isinstance(count, int) or count < 1:
        raise bad_request("count is a positive number of requests.")
    operation = wish.get("operation")
    if operation is not None and operation not in DATA_PLANE:
        raise bad_request(f"operation is one of {', '.join(sorted(DATA_PLANE))}.")
    return _Refusal(wish["status"], count, wish.get("retry_after_ms"), operation)
