"""One invocation: its time limit, its line in the log, its outcome."""

import asyncio
import json
import logging
import time
import uuid
from collections.abc import Awaitable, Mapping
from typing import Any

from azure.functions.meta import Datum
from starlette.types import Receive, Scope, Send

from localcloud.host.functions import Function
from localcloud.host.worker import Call, Worker

log = logging.getLogger("localcloud.host")

_INVOCATION_HEADER = b"x-ms-invocation-id"


class FunctionTimeout(TimeoutError):
    """A function ran longer than `functionTimeout` and was cancelled."""


def metadata(facts: Mapping[str, Any]) -> dict[str, Datum]:
    """Return binding data the way the real host hands it over: strings as they are, all else as JSON."""
    return {
        name: Datum(value, "string") if isinstance(value, str) else Datum(json.dumps(value, default=str), "json")
        for name, value in facts.items()
        if value is not None
    }


class Invoker:
    """Runs functions through a worker. `timeout` in seconds, None for none."""

    def __init__(self, worker: Worker, timeout: float | None) -> None:
        self._worker = worker
        self._timeout = timeout

    async def run(self, function: Function, data: Datum, facts: Mapping[str, Any], reason: str) -> bool:
        """Run a function of any trigger but HTTP; return whether it succeeded. How it failed is in the log."""
        call = Call(function, str(uuid.uuid4()), data, metadata(facts))
        try:
            await self._observed(call, reason, self._worker.call(call))
        except Exception:  # whatever the app raised is the app's, and in the log
            return False
        return True

    async def serve(
        self, function: Function, route: Mapping[str, str], scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Run an HTTP function on a live connection; one that fails answers 500. Raises what fails after its answer."""
        call = Call(function, str(uuid.uuid4()), route=route)
        given = [(name, value) for name, value in scope["headers"] if name != _INVOCATION_HEADER]
        headers = [*given, (_INVOCATION_HEADER, call.invocation_id.encode())]
        failures: list[Exception] = []

        async def observed(running: Awaitable[Any]) -> Any:
            try:
                return await self._observed(call, f"{scope['method']} request", running)
            except Exception as error:
                failures.append(error)
                raise

        try:
            await self._worker.serve(call, {**scope, "headers": headers}, receive, send, observed)
        except Exception as error:
            if error not in failures:  # those are in the log and have been answered
                raise

    async def _observed(self, call: Call, reason: str, running: Awaitable[Any]) -> Any:
        started = time.perf_counter()

        def line(outcome: str) -> str:
            took = (time.perf_counter() - started) * 1000
            return f"{call.function.name} {outcome} in {took:.0f} ms, invocation {call.invocation_id}, {reason}"

        log.debug("%s", line("started"))
        try:
            async with asyncio.timeout(self._timeout) as limit:
                result = await running
        except Exception as error:
            if limit.expired():
                log.error("%s", line("timed out"))  # noqa: TRY400 - where it was cancelled tells nothing
                raise FunctionTimeout(f"{call.function.name} ran longer than {self._timeout} s") from error
            log.exception("%s", line("failed"))
            raise
        except asyncio.CancelledError:
            log.warning("%s", line("cancelled"))
            raise
        log.info("%s", line("succeeded"))
        return result
