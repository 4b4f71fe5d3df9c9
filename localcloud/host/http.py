"""The HTTP side: an ASGI app that finds the function of a request, or answers as the host itself."""

import os
from collections.abc import Sequence
from urllib.parse import unquote

from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from localcloud.host.body import LimitedBody
from localcloud.host.functions import Function
from localcloud.host.invoke import Invoker
from localcloud.host.keys import Keys
from localcloud.host.routes import RouteTable
from localcloud.host.settings import HostSettings

_DEFAULT_LIMIT_BYTES = 104_857_600


class FrontEnd:
    """Serves the HTTP functions of an app; what no route takes goes to `own`, the host's own pages."""

    def __init__(
        self,
        settings: HostSettings,
        functions: Sequence[Function],
        invoker: Invoker,
        *,
        own: Starlette,
        keys: Keys | None,
    ) -> None:
        self._table = RouteTable(functions, str(settings.extension("http", "routePrefix", "api")))
        self._invoker = invoker
        self._own = own
        self._keys = keys
        self._limit = int(os.environ.get("FUNCTIONS_REQUEST_BODY_SIZE_LIMIT", _DEFAULT_LIMIT_BYTES))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        found = self._table.match(scope["method"], _path(scope))
        if found is None:
            await self._own(scope, receive, send)
            return
        route, parameters = found
        if self._keys is not None and not self._keys.allow(
            HTTPConnection(scope), route.auth_level, route.function.name
        ):
            await Response(status_code=401)(scope, receive, send)
            return
        body = LimitedBody(self._limit, scope, receive, send)
        if body.announced_too_large:
            await body.refuse()
            return
        await self._invoker.serve(route.function, parameters, scope, body.receive, body.send)


def with_cors(app: ASGIApp, settings: HostSettings) -> ASGIApp:
    """Let the origins of local.settings.json (`Host.CORS`, `Host.CORSCredentials`) call `app` from a browser."""
    origins = [each.strip() for each in str(settings.local_host.get("CORS") or "").split(",") if each.strip()]
    if not origins:
        return app
    return CORSMiddleware(
        app,
        allow_origins=origins,
        allow_methods=["*"],
        allow_headers=["*"],
        allow_credentials=bool(settings.local_host.get("CORSCredentials")),
        expose_headers=["*"],
    )


def _path(scope: Scope) -> str:
    """Return the decoded path; an encoded slash stays encoded, it separates nothing."""
    raw: bytes = scope["raw_path"]
    return unquote(raw.decode("ascii").replace("%2F", "%252F").replace("%2f", "%252F"))
