"""Which browsers' pages may call the app."""

from pathlib import Path
from typing import Any

import httpx
from starlette.responses import PlainTextResponse

from localcloud.host.http import with_cors
from localcloud.host.settings import HostSettings

ASKED = {"origin": "https://notes.example", "access-control-request-method": "POST"}


def client(local_host: dict[str, Any]) -> httpx.AsyncClient:
    app = with_cors(PlainTextResponse("here"), HostSettings(Path(), {}, local_host))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://host")


async def test_a_named_origin_may_call():
    async with client({"CORS": "https://other.example, https://notes.example"}) as browser:
        preflight = await browser.options("/api/x", headers=ASKED)
        assert preflight.status_code == 200
        assert preflight.headers["access-control-allow-origin"] == "https://notes.example"
        answer = await browser.get("/api/x", headers={"origin": "https://notes.example"})
        assert answer.headers["access-control-allow-origin"] == "https://notes.example"


async def test_another_origin_may_not():
    async with client({"CORS": "https://other.example"}) as browser:
        assert "access-control-allow-origin" not in (await browser.options("/api/x", headers=ASKED)).headers


async def test_without_the_setting_nothing_is_added():
    async with client({}) as browser:
        answer = await browser.get("/api/x", headers={"origin": "https://notes.example"})
        assert "access-control-allow-origin" not in answer.headers
