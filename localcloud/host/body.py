"""The cap on request bodies, counted while they stream by."""

import asyncio
from contextlib import suppress

from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope, Send

_DRAIN_SECONDS = 5
_REFUSAL: Message = {
    "type": "http.response.start",
    "status": 413,
    "headers": [(b"content-length", b"0"), (b"connection", b"close")],
}


class LimitedBody:
    """Stands between a connection and the app that serves it.

    A body that grows beyond the limit is answered 413 at once; to the app the client has gone, as it has for the real
    worker, whose host ends the connection.
    """

    def __init__(self, limit: int, scope: Scope, receive: Receive, send: Send) -> None:
        self._limit = limit
        self._announced = Headers(scope=scope).get("content-length", "0")
        self._receive = receive
        self._send = send
        self._received = 0
        self._answered = False
        self._refused = False

    @property
    def announced_too_large(self) -> bool:
        """Whether the request's own Content-Length is above the limit."""
        return self._announced.isdigit() and int(self._announced) > self._limit

    async def refuse(self) -> None:
        """Answer 413, unless an answer has begun; nothing the app still sends goes out."""
        self._refused = True
        if self._answered:
            return
        await self._send(_REFUSAL)
        # Closed on the spot, a client still sending would see a reset connection and no answer.
        with suppress(TimeoutError):
            async with asyncio.timeout(_DRAIN_SECONDS):
                while (await self._receive()).get("more_body", False):
                    pass
        await self._send({"type": "http.response.body"})

    async def receive(self) -> Message:
        """Receive for the app."""
        if self._refused:
            return {"type": "http.disconnect"}
        message = await self._receive()
        self._received += len(message.get("body", b""))
        if self._received > self._limit:
            await self.refuse()
            return {"type": "http.disconnect"}
        return message

    async def send(self, message: Message) -> None:
        """Send for the app."""
        if not self._refused:
            self._answered = True
            await self._send(message)
