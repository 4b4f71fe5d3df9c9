"""Forwards a live ASGI connection to the web server of a worker, bodies streaming both ways."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from urllib.parse import urlsplit

import aiohttp
from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

_CONNECT_TRIES = 200
_OWN_TO_EACH_HOP = frozenset({b"connection", b"keep-alive", b"transfer-encoding", b"upgrade", b"te", b"trailer"})


class ClientGone(ConnectionError):
    """The client left before its request was read or its answer sent."""


class Proxy:
    """An HTTP client of one worker."""

    def __init__(self, base: str, session: aiohttp.ClientSession) -> None:
        self._base = base
        self._session = session

    @classmethod
    async def to(cls, base: str) -> "Proxy":
        """Return a proxy to the server that is about to listen at `base`, once it does. Raises ConnectionError."""
        for _ in range(_CONNECT_TRIES):
            if await _listens(base):
                return cls(base, aiohttp.ClientSession(auto_decompress=False, timeout=aiohttp.ClientTimeout(None)))
            await asyncio.sleep(0.05)
        raise ConnectionError("the worker's web server does not come up")

    async def forward(self, scope: Scope, receive: Receive, send: Send) -> bool:
        """Serve the connection from the worker; False when the client left, which ends it for the worker too."""
        headers = Headers(scope=scope)
        has_body = "transfer-encoding" in headers or headers.get("content-length", "0") != "0"
        client = _Client(receive, has_body=has_body)
        forwarding = asyncio.create_task(self._forward(scope, client, send))
        leaving = asyncio.create_task(client.gone.wait())
        await asyncio.wait([forwarding, leaving], return_when=asyncio.FIRST_COMPLETED)
        leaving.cancel()
        client.forget()
        if client.gone.is_set():
            forwarding.cancel()
            await asyncio.wait([forwarding])
        else:
            await forwarding
        return not client.gone.is_set()

    async def close(self) -> None:
        """Close the connections to the worker."""
        await self._session.close()

    async def _forward(self, scope: Scope, client: "_Client", send: Send) -> None:
        query = f"?{scope['query_string'].decode()}" if scope["query_string"] else ""
        async with self._session.request(
            scope["method"],
            self._base + scope["raw_path"].decode() + query,
            headers=[(name.decode(), value.decode("latin-1")) for name, value in _end_to_end(scope["headers"])],
            data=client.body() if client.has_body else None,
            skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
            allow_redirects=False,
        ) as answer:
            own = list(_end_to_end(answer.raw_headers))
            await send({"type": "http.response.start", "status": answer.status, "headers": own})
            async for chunk in answer.content.iter_any():
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


class _Client:
    """The client's side of a connection; `gone` is set when it leaves."""

    def __init__(self, receive: Receive, *, has_body: bool) -> None:
        self.has_body = has_body
        self.gone = asyncio.Event()
        self._receive = receive
        self._watching = None if has_body else asyncio.create_task(self._watch())

    async def body(self) -> AsyncIterator[bytes]:
        """Give the request's body as it comes. Raises ClientGone."""
        more = True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                self.gone.set()
                raise ClientGone
            yield message.get("body", b"")
            more = message.get("more_body", False)
        self._watching = asyncio.create_task(self._watch())

    def forget(self) -> None:
        """Watch no longer."""
        if self._watching is not None:
            self._watching.cancel()

    async def _watch(self) -> None:
        """With nothing more to read, what comes next is that the client leaves."""
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.gone.set()


def _end_to_end(headers: Iterable[tuple[bytes, bytes]]) -> Iterator[tuple[bytes, bytes]]:
    return ((name, value) for name, value in headers if name.lower() not in _OWN_TO_EACH_HOP)


async def _listens(base: str) -> bool:
    address = urlsplit(base)
    try:
        _, writer = await asyncio.open_connection(address.hostname, address.port)
    except ConnectionRefusedError:
        return False
    writer.close()
    return True
