"""A Cosmos account in trouble."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from localcloud.processes import LOOPBACK, free_port

CONTAINER = {
    "id": "sessions",
    "_rid": "AAAAAA==",
    "_self": "",
    "partitionKey": {"paths": ["/session_id"], "kind": "Hash"},
}


@dataclass
class Account:
    """A Cosmos account whose items answer with one status, as the service does when it has trouble."""

    status: int = 503
    headers: dict[str, str] = field(default_factory=dict)
    container_status: int = 200
    body: Mapping[str, Any] = field(default_factory=lambda: {"code": "trouble", "message": "trouble"})
    text: str | None = None
    """In place of the body: what is no JSON."""
    drops: bool = False
    """Take the request, then cut the line instead of answering."""
    asked: int = 0
    port: int = field(default_factory=free_port)
    answering: asyncio.Event = field(default_factory=asyncio.Event)
    _runner: web.AppRunner | None = None

    @property
    def endpoint(self) -> str:
        return f"http://{LOOPBACK}:{self.port}/"

    async def start(self) -> None:
        self.answering.set()
        app = web.Application()
        app.router.add_get("/", self._account)
        app.router.add_get("/dbs/{db}/colls/{name}/", self._container)
        app.router.add_route("*", "/dbs/{db}/colls/{name}/docs/{id:.*}", self._items)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        await web.TCPSite(self._runner, LOOPBACK, self.port).start()

    async def stop(self) -> None:
        self.answering.set()
        if self._runner is not None:
            await self._runner.cleanup()

    async def _account(self, request: web.Request) -> web.Response:
        here: list[dict[str, Any]] = [{"name": "Local", "databaseAccountEndpoint": self.endpoint}]
        policy = {"defaultConsistencyLevel": "Session"}
        return web.json_response(
            {"id": "a", "writableLocations": here, "readableLocations": here, "userConsistencyPolicy": policy}
        )

    async def _container(self, request: web.Request) -> web.Response:
        return web.json_response(CONTAINER, status=self.container_status)

    async def _items(self, request: web.Request) -> web.Response:
        self.asked += 1
        await self.answering.wait()
        if self.drops and request.transport is not None:
            request.transport.abort()
        if self.text is not None:
            return web.Response(text=self.text, status=self.status, headers=self.headers)
        return web.json_response(self.body, status=self.status, headers=self.headers)
