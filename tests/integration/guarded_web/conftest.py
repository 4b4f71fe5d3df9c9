"""A world for each test; its secret must have stayed one."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.integration.guarded_web.world import NAME, SOUND, World
from tests.servers.dns import DnsServer
from tests.servers.site import PUBLIC, Secret, Site, reply


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with DnsServer().listening() as dns, Site().listening() as site, Secret().listening() as secret:
        dns.say(NAME, "A", [PUBLIC])
        site.pages["/sound"] = reply(body=SOUND, content_type="audio/wav; rate=16000")
        world = World(dns, site, secret, web=None)  # type: ignore[arg-type]
        world.web = world.guard()
        yield world
        assert secret.connections == 0
