"""Of recordings fetched and webhooks delivered no error tells an address or an answer."""

from __future__ import annotations

import io
from ipaddress import IPv4Address

import pytest

from shared.adapters.guarded_web import Caps, GuardedWeb
from shared.domain.addresses import AddressRule
from tests.integration.errors_tell_nothing.telling import (
    SIGNATURE,
    assert_tells_nothing,
    raised_by,
)
from tests.servers.quoting import SECRET
from tests.servers.site import PUBLIC, Site, reply

ANSWERS = [
    reply(f"404 {SECRET}", SECRET.encode(), x_detail=SECRET),
    reply(f"500 {SECRET}", SECRET.encode(), x_detail=SECRET),
    reply("302 Found", location=f"/again?{SIGNATURE}"),
    reply("302 Found", location=f"http://127.0.0.1/{SIGNATURE}"),
    reply("302 Found", location=f"{SECRET}://{SIGNATURE}"),
    reply("200 OK", SECRET.encode(), content_encoding=SECRET),
    reply("200 OK", SECRET.encode(), content_length=SECRET),
    f"HTTP/1.1 {SECRET}\r\n\r\n".encode(),
    f"{SECRET}\r\n\r\n".encode(),
    f"HTTP/1.1 200 OK\r\n{SECRET}\r\n\r\n".encode(),
    f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{SECRET}\r\n".encode(),
]


@pytest.mark.parametrize("answer", ANSWERS, ids=range(len(ANSWERS)))
async def test_recordings_fetched_and_webhooks_delivered(answer):
    web = GuardedWeb(rule=AddressRule(frozenset({IPv4Address(PUBLIC)})), caps=Caps(total_s=20, idle_s=5))
    async with Site().listening() as site:
        site.pages = {"/sound": answer, "/again": answer}
        url = f"http://{PUBLIC}:{site.port}/sound?sig={SIGNATURE}"
        fetched = await raised_by(lambda: web.download(url, io.BytesIO(), max_bytes=1000))
        delivered = await raised_by(
            lambda: web.post(url, SECRET.encode(), {"webhook-signature": SIGNATURE}, timeout_s=20)
        )
    assert_tells_nothing(fetched, hidden=None)
    if delivered:
        assert_tells_nothing(delivered, hidden=None)


@pytest.mark.parametrize("where", [f"http://{PUBLIC}:9/?sig=", "http://127.0.0.1/?sig=", "ftp://nowhere.example/"])
async def test_addresses_that_lead_nowhere(where):
    web, url = GuardedWeb(rule=AddressRule(frozenset({IPv4Address(PUBLIC)}))), where + SIGNATURE
    raised = await raised_by(
        lambda: web.download(url, io.BytesIO(), max_bytes=1000),
        lambda: web.post(url, b"{}", {}, timeout_s=5),
        lambda: web.check(url),
    )
    assert_tells_nothing(raised, hidden=None)
