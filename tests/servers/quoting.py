"""A server that answers whatever it is asked with what must not be repeated."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from aiohttp import web

from tests.servers.faults import Server

SECRET = "Jane Doe 7f3a"
"""What no error of ours may hold."""
BODY: Mapping[str, Any] = {
    "code": SECRET,
    "message": SECRET,
    "error": {"code": SECRET, "message": SECRET, "innererror": {"code": SECRET, "message": SECRET}},
}
"""An error in the form of most of Azure's services."""
HEADERS: Mapping[str, str] = {"x-ms-error-code": SECRET, "Last-Modified": SECRET, "X-Detail": SECRET}


class Quoting(Server):
    """`status` with SECRET in the status line, the headers and the body; a success is one that makes no sense."""

    def __init__(self) -> None:
        super().__init__()
        self.status = 500
        self.text = False
        """Whether the body is plain text, as a gateway's is, where the service has JSON."""

    def routes(self, router: web.UrlDispatcher) -> None:
        """See Server.routes."""
        router.add_route("*", "/{anything:.*}", self._quote)

    async def _quote(self, _: web.Request) -> web.Response:
        if self.text or self.status == HTTPStatus.OK:
            kind = "text/plain" if self.text else "application/xml"
            return web.Response(text=SECRET, content_type=kind, status=self.status, reason=SECRET, headers=HEADERS)
        return web.json_response(BODY, status=self.status, reason=SECRET, headers=HEADERS)
