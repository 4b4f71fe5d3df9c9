"""The emulator over HTTP: authentication, faults, counters, and the headers every answer carries."""

import uuid
from urllib.parse import unquote

from aiohttp import web

from localcloud.cosmos.auth import MasterKey
from localcloud.cosmos.clock import Clock
from localcloud.cosmos.errors import CosmosError, too_large
from localcloud.cosmos.faults import Faults
from localcloud.cosmos.items import ITEM_LIMIT
from localcloud.cosmos.routing import DATA_PLANE, resolve
from localcloud.cosmos.service import CosmosService
from localcloud.cosmos.stats import RequestStats
from localcloud.cosmos.values import dump
from localcloud.cosmos.wire import WireRequest, WireResponse

_BODY_LIMIT = 16 * 1024 * 1024
_API_VERSION = "2020-07-15"
_UNKNOWN = "unsupported"


class CosmosServer:
    """The web application. One request is answered at a time: nothing waits between a request's body and its answer."""

    def __init__(self, service: CosmosService, key: MasterKey, faults: Faults, clock: Clock) -> None:
        self._service = service
        self._key = key
        self._faults = faults
        self._clock = clock
        self._stats = RequestStats()

    def application(self) -> web.Application:
        """Return the application, to be served on a loopback address only."""
        app = web.Application(client_max_size=_BODY_LIMIT)
        app.router.add_get("/_emulator/stats", self._show_stats)
        app.router.add_post("/_emulator/stats/reset", self._reset_stats)
        app.router.add_post("/_emulator/faults", self._order_fault)
        app.router.add_post("/_emulator/faults/reset", self._reset_faults)
        app.router.add_post("/_emulator/clock", self._move_clock)
        app.router.add_route("*", "/{path:.*}", self._handle)
        return app

    async def _show_stats(self, request: web.Request) -> web.Response:
        return web.json_response(self._stats.as_json())

    async def _reset_stats(self, request: web.Request) -> web.Response:
        self._stats.reset()
        return web.json_response({})

    async def _order_fault(self, request: web.Request) -> web.Response:
        try:
            self._faults.order(await request.json())
        except CosmosError as error:
            return web.json_response({"code": error.code, "message": error.message}, status=error.status)
        return web.json_response({})

    async def _reset_faults(self, request: web.Request) -> web.Response:
        self._faults.reset()
        return web.json_response({})

    async def _move_clock(self, request: web.Request) -> web.Response:
        """`{"seconds": n}` pass at once: time to live runs out without anybody waiting for it."""
        self._clock.move(float((await request.json())["seconds"]))
        return web.json_response({})

    async def _handle(self, request: web.Request) -> web.Response:
        activity = request.headers.get("x-ms-activity-id") or str(uuid.uuid4())
        path = request.raw_path.partition("?")[0]
        segments = [unquote(segment) for segment in path.split("/") if segment]
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            answer = _refusal(too_large(ITEM_LIMIT), activity)
        else:
            base_url = f"{request.scheme}://{request.host}/"
            answer = self._answer(WireRequest(request.method, segments, request.headers, body, base_url), activity)
        return web.Response(
            status=answer.status,
            body=answer.body.encode() if answer.body is not None else None,
            content_type="application/json",
            headers={
                "x-ms-activity-id": activity,
                "x-ms-version": _API_VERSION,
                "x-ms-request-charge": str(answer.charge),
                **answer.headers,
            },
        )

    def _answer(self, request: WireRequest, activity: str) -> WireResponse:
        name = _UNKNOWN
        try:
            operation = resolve(request.method, request.segments, request.headers)
            name = operation.value
            self._key.verify(request.method, request.segments, request.headers)
            if operation in DATA_PLANE:
                self._faults.check(name)
            answer = self._service.answer(operation, request)
        except CosmosError as error:
            answer = _refusal(error, activity)
        self._stats.record(name, _container_name(request.segments), answer.charge)
        return answer


def _container_name(segments: list[str]) -> str | None:
    match segments:
        case ["dbs", database, "colls", container, *_]:
            return f"{database}/{container}"
    return None


def _refusal(error: CosmosError, activity: str) -> WireResponse:
    body = {"code": error.code, "message": f"{error.message}\r\nActivityId: {activity}", **error.extra}
    substatus = {"x-ms-substatus": str(error.substatus)} if error.substatus else {}
    return WireResponse(error.status, dump(body), headers={**substatus, **error.headers})
