"""The identity endpoint of App Service and Functions (api-version 2019-08-01): tokens for the app's identity."""

from __future__ import annotations

import time
from typing import Any

from aiohttp import web

from tests.servers.faults import Server

SECRET = "identity-header"  # of nothing
TOKEN = "token-of-the-app"


class ManagedIdentity(Server):
    """Gives TOKEN, for any resource, to who knows the header; `client_id` is the one identity there is."""

    def __init__(self, client_id: str | None = None) -> None:
        super().__init__()
        self._client_id = client_id

    @property
    def environment(self) -> dict[str, str]:
        """What the platform sets for an app with this identity."""
        chosen = {} if self._client_id is None else {"AZURE_CLIENT_ID": self._client_id}
        return {"IDENTITY_ENDPOINT": f"{self.url}/msi/token", "IDENTITY_HEADER": SECRET, **chosen}

    def routes(self, router: web.UrlDispatcher) -> None:
        """See Server.routes."""
        router.add_get("/msi/token", self._token)

    async def _token(self, request: web.Request) -> web.Response:
        if request.headers.get("X-IDENTITY-HEADER") != SECRET:
            return web.json_response({"statusCode": 401, "message": "no."}, status=401)
        if request.query.get("client_id") != self._client_id:
            return web.json_response({"statusCode": 400, "message": "no such identity"}, status=400)
        given: dict[str, Any] = {
            "access_token": TOKEN,
            "expires_on": str(int(time.time()) + 86_400),
            "resource": request.query["resource"],
            "token_type": "Bearer",
        }
        return web.json_response(given)
