"""Who listens on this machine, and a guard that takes one loopback address for a public one."""

from __future__ import annotations

import io
from dataclasses import dataclass
from ipaddress import IPv4Address

from shared.adapters.guarded_web import Caps, GuardedWeb
from shared.domain.addresses import AddressRule
from tests.servers.dns import DnsServer
from tests.servers.site import PUBLIC, Secret, Site

SOUND = bytes(range(256)) * 40
NAME = "files.example"
QUICK = Caps(redirects=3, total_s=20, idle_s=5, connect_s=2)


@dataclass
class World:
    """Who listens, and a guard that takes one loopback address for a public one."""

    dns: DnsServer
    site: Site
    secret: Secret
    web: GuardedWeb

    @property
    def url(self) -> str:
        """A recording on the site."""
        return f"http://{NAME}:{self.site.port}/sound"

    def guard(self, caps: Caps = QUICK, **given) -> GuardedWeb:
        rule = AddressRule(frozenset({IPv4Address(PUBLIC)}))
        return GuardedWeb(rule=rule, nameservers=(self.dns.address,), caps=caps, **given)

    async def fetch(self, url: str | None = None, *, max_bytes: int = 1_000_000) -> bytes:
        into = io.BytesIO()
        got = await self.web.download(url or self.url, into, max_bytes=max_bytes)
        assert got.size == len(into.getvalue())
        return into.getvalue()
