"""How the SDKs' requests go out: large bodies whole and as often as asked, and through a proxy where one is named."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from azure.core.rest import HttpRequest

from localcloud.processes import LOOPBACK
from shared.adapters.http_transport import PIECE, HttpTransport


@dataclass
class Server:
    """Answers everything with 201 and remembers what came: the target as the client wrote it, headers, body."""

    url: str = ""
    seen: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)

    async def handle(self, request: web.BaseRequest) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.seen.append((request.raw_path, headers, await request.read()))
        return web.Response(status=201)


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    server = Server()
    runner = web.ServerRunner(web.Server(server.handle))
    await runner.setup()
    site = web.TCPSite(runner, LOOPBACK, 0)
    await site.start()
    server.url = f"http://{LOOPBACK}:{runner.addresses[0][1]}"
    yield server
    await runner.cleanup()


@pytest.mark.parametrize("size", [0, 1, PIECE, PIECE + 1, 3 * PIECE + 1])
async def test_a_body_arrives_whole_each_time_it_is_sent(server: Server, size: int):
    body = bytes(n % 251 for n in range(size))
    request = HttpRequest("PUT", f"{server.url}/blob", content=body)
    async with HttpTransport() as transport:
        for _ in range(2):  # as a retry does
            assert (await transport.send(request)).status_code == 201
    assert [content for _, _, content in server.seen] == [body, body]
    assert all("transfer-encoding" not in headers for _, headers, _ in server.seen)


async def test_a_proxy_named_in_the_environment_is_used(server: Server, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("http_proxy", server.url)
    async with HttpTransport() as transport:
        await transport.send(HttpRequest("GET", "http://storage.invalid/blob"))
    assert [target for target, _, _ in server.seen] == ["http://storage.invalid/blob"]


async def test_without_one_nobody_else_is_asked(server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path):
    """Not even for a password that some other program left for this host."""
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine {LOOPBACK} login someone password something\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    async with HttpTransport() as transport:
        await transport.send(HttpRequest("GET", server.url))
    [(_, headers, _)] = server.seen
    assert "authorization" not in headers
