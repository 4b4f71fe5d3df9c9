"""The guarded web over TLS: the certificate is for the name that was asked for."""

from __future__ import annotations

import io

import pytest

from shared.domain.errors import SourceRefused, SourceUnavailable
from tests.integration.guarded_web.world import NAME, SOUND
from tests.servers.certificates import Authority
from tests.servers.site import PUBLIC, Site, reply


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


async def test_the_certificate_is_for_the_name_not_for_the_address(world, authority):
    async with Site(authority.server(NAME)).listening() as site:
        site.pages["/sound"] = reply(body=SOUND)
        web, into = world.guard(tls=authority.client), io.BytesIO()
        await web.download(f"https://{NAME}:{site.port}/sound", into, max_bytes=len(SOUND))
        assert into.getvalue() == SOUND
        assert site.names == [NAME]
        assert site.requests[0].headers["host"] == f"{NAME}:{site.port}"
        world.dns.say("other.example", "A", [PUBLIC])
        for url in (f"https://other.example:{site.port}/sound", f"https://{PUBLIC}:{site.port}/sound"):
            with pytest.raises(SourceRefused, match="certificate"):
                await web.download(url, into, max_bytes=len(SOUND))
            with pytest.raises(SourceUnavailable, match="certificate"):
                await web.post(url, b"{}", {}, timeout_s=5)
        with pytest.raises(SourceRefused, match="certificate"):  # signed by nobody this machine knows
            await world.web.download(f"https://{NAME}:{site.port}/sound", into, max_bytes=len(SOUND))
        assert len(site.requests) == 1


async def test_a_redirect_does_not_give_up_tls(world, authority):
    async with Site(authority.server(NAME)).listening() as site:
        site.pages["/in"] = reply("302 Found", location=world.url)
        with pytest.raises(SourceRefused, match="https to http"):
            await world.guard(tls=authority.client).download(
                f"https://{NAME}:{site.port}/in", io.BytesIO(), max_bytes=len(SOUND)
            )
    assert world.site.requests == []


async def test_a_redirect_may_take_to_tls(world, authority):
    async with Site(authority.server(NAME)).listening() as site:
        site.pages["/sound"] = reply(body=SOUND)
        world.site.pages["/sound"] = reply("301 Moved", location=f"https://{NAME}:{site.port}/sound")
        into = io.BytesIO()
        await world.guard(tls=authority.client).download(world.url, into, max_bytes=len(SOUND))
        assert into.getvalue() == SOUND
