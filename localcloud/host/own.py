"""What the host answers itself: its admin API and the webhooks of its triggers."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from azure.functions.meta import Datum
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from localcloud.host.blobs import BlobTriggers
from localcloud.host.event_grid import blob_webhook
from localcloud.host.functions import Function
from localcloud.host.invoke import Invoker
from localcloud.host.keys import Keys

Endpoint = Callable[[Request], Awaitable[Response]]


class OwnPages:
    """The host's own HTTP endpoints; `app` serves them. Without keys everyone may call everything, as with `func`."""

    def __init__(
        self,
        functions: Sequence[Function],
        invoker: Invoker,
        triggers: BlobTriggers,
        *,
        status: Mapping[str, str],
        keys: Keys | None,
    ) -> None:
        self._functions = {each.name.lower(): each for each in functions}
        self._invoker = invoker
        self._triggers = triggers
        self._state = status
        self._keys = keys
        self._invoked: set[asyncio.Task[bool]] = set()
        self.app = Starlette(
            routes=[
                Route("/", self._home),
                Route("/admin/host/ping", self._ping, methods=["GET", "POST"]),
                Route("/admin/host/status", self._guarded(self._status, "admin")),
                Route("/admin/functions", self._guarded(self._list, "admin")),
                Route("/admin/functions/{name}", self._guarded(self._describe, "admin")),
                Route("/admin/functions/{name}", self._guarded(self._invoke, "admin"), methods=["POST"]),
                Route("/runtime/webhooks/blobs", self._guarded(self._blobs, "system"), methods=["POST"]),
            ]
        )

    def _guarded(self, endpoint: Endpoint, level: str) -> Endpoint:
        async def guarded(request: Request) -> Response:
            if self._keys is not None and not self._keys.allow(request, level):
                return Response(status_code=401)
            return await endpoint(request)

        return guarded

    async def _home(self, _: Request) -> Response:
        return PlainTextResponse("The Functions host is up.")

    async def _ping(self, _: Request) -> Response:
        return Response()

    async def _status(self, _: Request) -> Response:
        return JSONResponse({**self._state, "state": "Running"})

    async def _list(self, _: Request) -> Response:
        return JSONResponse([_description(each) for each in self._functions.values()])

    async def _describe(self, request: Request) -> Response:
        function = self._functions.get(request.path_params["name"].lower())
        return JSONResponse(_description(function)) if function else Response(status_code=404)

    async def _invoke(self, request: Request) -> Response:
        """Start a queue or timer function by hand, `{"input": "…"}`: 202 at once, the outcome is in the log."""
        function = self._functions.get(request.path_params["name"].lower())
        if function is None:
            return Response(status_code=404)
        try:
            given = str((await request.json()).get("input") or "")
        except (ValueError, AttributeError):
            return Response(status_code=400)
        data = _manual(function, given)
        if data is None:
            return Response(status_code=400)
        running = asyncio.create_task(self._invoker.run(function, *data, "called by the admin API"))
        self._invoked.add(running)  # asyncio itself keeps no task alive
        running.add_done_callback(self._invoked.discard)
        return Response(status_code=202)

    async def _blobs(self, request: Request) -> Response:
        return await blob_webhook(request, self._triggers)


def _description(function: Function) -> dict[str, Any]:
    return {"name": function.name, "config": {"bindings": list(function.bindings)}}


def _manual(function: Function, given: str) -> tuple[Datum, dict[str, Any]] | None:
    if function.kind == "timerTrigger":
        information = {"Schedule": {"AdjustForDST": True}, "ScheduleStatus": None, "IsPastDue": False}
        return Datum(json.dumps(information), "json"), {}
    if function.kind == "queueTrigger":
        now = datetime.now(UTC).isoformat()
        times = dict.fromkeys(("InsertionTime", "ExpirationTime", "NextVisibleTime"), now)
        return Datum(given, "string"), {"QueueTrigger": given, "DequeueCount": 1, "Id": str(uuid4()), **times}
    return None
