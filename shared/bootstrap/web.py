"""The web, as far as the settings let it be reached."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

from shared.adapters.guarded_web import Caps, GuardedWeb
from shared.domain.addresses import AddressRule, IPAddress
from shared.settings.web import WebSettings

_LOOPBACK: frozenset[IPAddress] = frozenset({IPv4Address("127.0.0.1"), IPv6Address("::1")})


def guarded_web(settings: WebSettings) -> GuardedWeb:
    """Requests to addresses that partners chose."""
    return GuardedWeb(
        rule=AddressRule(_LOOPBACK if settings.allow_loopback else frozenset()),
        nameservers=settings.nameservers,
        caps=Caps(
            redirects=settings.max_redirects,
            total_s=settings.max_time.total_seconds(),
            idle_s=settings.idle_time.total_seconds(),
            connect_s=settings.connect_time.total_seconds(),
        ),
    )
