"""What goes wrong with a server, on order, and the server it goes wrong with.

A server runs in a thread with a loop of its own, so that it serves blocking and asynchronous clients alike, and
clients in other processes.
"""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import TracebackType
from typing import Any, Self

from aiohttp import web

LOOPBACK = "127.0.0.1"
LARGEST_BODY = 600 * 1024 * 1024
START_SECONDS = 10
STOP_SECONDS = 0.1
"""For what is under way when a server is stopped."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Trouble(Enum):
    """How a request comes to grief."""

    STATUS = "it is answered with an error"
    SILENT = "it is taken and never answered"
    SLOW = "it is answered late"
    DROPPED = "the connection ends without an answer"
    TRUNCATED = "the connection ends in the middle of the answer"
    MALFORMED = "the answer is half of one, sent as a whole"


@dataclass
class Fault:
    """Trouble for the next `times` requests of a method to paths with a part in them (any, where these are empty)."""

    trouble: Trouble = Trouble.STATUS
    times: int = 1
    path: str = ""
    method: str = ""
    status: int = 503
    """For STATUS; over a websocket that is open already, the code it is closed with."""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    """JSON of the error; without one, Azure's form with the status for a code."""
    seconds: float = 0.2
    """For SLOW: how late."""
    after_ms: int | None = None
    """Milliseconds of audio that are taken before anything goes wrong (servers that take a stream)."""

    def strikes(self, request: web.Request) -> bool:
        """Whether it is this request's turn."""
        return self.times > 0 and self.path in request.path and self.method in ("", request.method)

    def answer(self) -> web.Response:
        """The error."""
        code = str(self.status)
        body = self.body or {"error": {"code": code, "message": "on order"}}
        return web.json_response(body, status=self.status, headers=self.headers)


@dataclass(frozen=True)
class Received:
    """A request as it came."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


class Server:
    """A web application on a free loopback port, in a thread. Subclasses say which routes it has."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        """Still to strike, first come, first served."""
        self.requests: list[Received] = []
        """Everything that was asked, in order of arrival."""
        self.port = 0
        self.tls: ssl.SSLContext | None = None
        """Certificate and key of a service that speaks https only."""
        self._started = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._end = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name=type(self).__name__, daemon=True)

    @property
    def url(self) -> str:
        """Where it is, without a path."""
        return f"{'http' if self.tls is None else 'https'}://{LOOPBACK}:{self.port}"

    def routes(self, router: web.UrlDispatcher) -> None:
        """Add what the service offers."""
        raise NotImplementedError

    def start(self) -> Self:
        """Serve until `stop`."""
        self._thread.start()
        if not self._started.wait(START_SECONDS):
            raise RuntimeError(f"{self._thread.name} did not start")
        return self

    def stop(self) -> None:
        """End it, whatever is under way."""
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        app = web.Application(client_max_size=LARGEST_BODY, middlewares=[self._receive])
        self.routes(app.router)
        runner = web.AppRunner(app, shutdown_timeout=STOP_SECONDS)
        await runner.setup()
        site = web.TCPSite(runner, LOOPBACK, 0, ssl_context=self.tls)
        await site.start()
        self.port = runner.addresses[0][1]
        self._started.set()
        await self._end.wait()
        await runner.cleanup()

    @web.middleware
    async def _receive(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Note the request, and let a fault strike it. On an open websocket that is up to the handler."""
        websocket = request.headers.get("Upgrade", "").lower() == "websocket"
        body = b"" if websocket else await request.read()
        self.requests.append(Received(request.method, request.path, dict(request.query), dict(request.headers), body))
        fault = next((fault for fault in self.faults if fault.strikes(request)), None)
        if fault is None:
            return await handler(request)
        fault.times -= 1
        if websocket and (fault.trouble is not Trouble.STATUS or fault.after_ms is not None):
            request["fault"] = fault
            return await handler(request)
        return await self._come_to_grief(fault, request, handler)

    async def _come_to_grief(self, fault: Fault, request: web.Request, handler: Handler) -> web.StreamResponse:
        if fault.trouble is Trouble.STATUS:
            return fault.answer()
        if fault.trouble is Trouble.SILENT:
            await self._end.wait()
        if fault.trouble is Trouble.SLOW:
            await asyncio.sleep(fault.seconds)
            return await handler(request)
        if fault.trouble is Trouble.MALFORMED:
            whole = await _body(handler, request)
            return web.Response(body=whole[: len(whole) // 2], content_type="application/json")
        if fault.trouble is Trouble.TRUNCATED:
            await _begin(await _body(handler, request), request)
        hang_up(request)
        return web.Response()


def hang_up(request: web.Request) -> None:
    """End the connection as a crash would."""
    if request.transport is not None:
        request.transport.abort()


async def _body(handler: Handler, request: web.Request) -> bytes:
    answer = await handler(request)
    assert isinstance(answer, web.Response)
    assert isinstance(answer.body, bytes)
    return answer.body


async def _begin(whole: bytes, request: web.Request) -> None:
    """Announce all of an answer and send half of it."""
    answer = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": str(len(whole))})
    await answer.prepare(request)
    await answer.write(whole[: len(whole) // 2])
