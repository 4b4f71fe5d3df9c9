"""A wire between the app and a store that can be tripped: at a chosen write, something happens to the app."""

import asyncio
import threading
from collections.abc import Callable
from urllib.parse import urlsplit

from aiohttp import ClientSession, web
from yarl import URL

from localcloud.processes import LOOPBACK

_HOP = {"transfer-encoding", "connection", "content-length", "content-encoding"}


class Tripwire:
    """Counts the writes that stores have carried out, and acts once after the one it is armed for.

    The store has answered by then, the app has not heard of it: the hardest moment to die.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._left = 0
        self._action: Callable[[], None] = lambda: None
        self.tripped = threading.Event()
        self.last = ""

    def arm(self, after: int, action: Callable[[], None]) -> None:
        """Act after the `after`-th write from now on."""
        with self._lock:
            self._left, self._action, self.last = after, action, ""
            self.tripped.clear()

    def disarm(self) -> None:
        """Let everything pass."""
        with self._lock:
            self._left = 0

    def wrote(self, what: str) -> None:
        """A store has carried out a write."""
        with self._lock:
            if self._left == 0:
                return
            self._left -= 1
            self.last = what
            if self._left == 0:
                self._action()
                self.tripped.set()


class Proxy:
    """Passes HTTP on to a store on loopback and tells the tripwire of writes. Runs in a thread of its own."""

    def __init__(self, target: str, name: str, wire: Tripwire) -> None:
        self._target = target.rstrip("/")
        self._name = name
        self._wire = wire
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)

    def start(self) -> int:
        """Begin to listen; gives the port."""
        self._thread.start()
        return asyncio.run_coroutine_threadsafe(self._serve(), self._loop).result()

    def stop(self) -> None:
        """Stop listening."""
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _serve(self) -> int:
        # Requests are signed with their headers: none may be added.
        automatic = {"Content-Type", "User-Agent", "Accept", "Accept-Encoding"}
        self._session = ClientSession(auto_decompress=False, skip_auto_headers=automatic)
        self._runner = web.ServerRunner(web.Server(self._pass_on))
        await self._runner.setup()
        site = web.TCPSite(self._runner, LOOPBACK, 0)
        await site.start()
        return int(self._runner.addresses[0][1])

    async def _close(self) -> None:
        await self._runner.cleanup()
        await self._session.close()

    async def _pass_on(self, request: web.BaseRequest) -> web.Response:
        body = await request.content.read()
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _HOP}
        url = f"{self._target}{request.raw_path}"
        async with self._session.request(request.method, URL(url, encoded=True), data=body, headers=headers) as answer:
            content = await answer.read()
            if _is_write(request) and answer.status < 300:
                await asyncio.to_thread(self._wire.wrote, f"{self._name} {request.method} {request.path}")
            kept = [(name, value) for name, value in answer.headers.items() if name.lower() not in _HOP]
            return web.Response(body=content, status=answer.status, headers=kept)


def _is_write(request: web.BaseRequest) -> bool:
    """Cosmos DB asks its queries by POST. That somebody asked how a session is doing is no step of it."""
    if "/colls/audit/" in request.path or request.method in {"GET", "HEAD", "OPTIONS"}:
        return False
    return "x-ms-documentdb-query" not in request.headers and "x-ms-documentdb-isquery" not in request.headers


def port_of(url: str) -> int:
    """The port in a URL."""
    return urlsplit(url).port or 0
