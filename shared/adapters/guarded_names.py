"""Names looked up once, and connections that go to what was found and nowhere else."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from functools import cached_property
from ipaddress import ip_address

import dns.asyncresolver
import dns.exception
import dns.name
import dns.nameserver
import dns.resolver
from aiohttp.abc import AbstractResolver, ResolveResult

from shared.domain.addresses import IPAddress
from shared.domain.errors import InvalidInput, SourceUnavailable
from shared.domain.urls import CODE

_DNS_PORT = 53


class Names:
    """Looks names up in DNS: no hosts file, no search list, nothing kept."""

    def __init__(self, nameservers: Sequence[str], *, lifetime_s: float) -> None:
        """`nameservers` are `address` or `address:port`; this machine's when empty."""
        self._nameservers = nameservers
        self._lifetime_s = lifetime_s

    async def addresses(self, host: str) -> tuple[IPAddress, ...]:
        """Every address of a name, at the end of whatever chain of aliases, IPv4 first; at least one.

        Raises: InvalidInput (`url_not_allowed`) when it has none; SourceUnavailable when nobody says.
        """
        four, six = await asyncio.gather(self._records(host, "A"), self._records(host, "AAAA"))
        if not four and not six:
            raise InvalidInput(f"{host} has no address", code=CODE)
        return (*four, *six)

    async def _records(self, host: str, kind: str) -> list[IPAddress]:
        name = dns.name.from_text(host)
        try:
            answer = await self._resolver.resolve(
                name, kind, search=False, raise_on_no_answer=False, lifetime=self._lifetime_s
            )
        except dns.resolver.NXDOMAIN:
            raise InvalidInput(f"{host} does not exist", code=CODE) from None
        except (dns.exception.DNSException, OSError):
            raise SourceUnavailable(f"{host} could not be looked up") from None
        return [ip_address(record.address) for record in answer.rrset or ()]

    @cached_property
    def _resolver(self) -> dns.asyncresolver.Resolver:
        """The machine's configuration is read by the first who asks."""
        resolver = dns.asyncresolver.Resolver(configure=not self._nameservers)
        if self._nameservers:
            resolver.nameservers = [_nameserver(text) for text in self._nameservers]
        return resolver


class Pinned(AbstractResolver):
    """Answers for one host with addresses that were checked; its sockets are for these and no others."""

    def __init__(self, host: str, addresses: Sequence[IPAddress]) -> None:
        self._host = host
        self._addresses = addresses

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """See AbstractResolver."""
        if host != self._host:
            raise OSError("another host than the one that was checked")
        return [
            ResolveResult(
                hostname=host,
                host=str(address),
                port=port,
                family=socket.AF_INET if address.version == 4 else socket.AF_INET6,  # noqa: PLR2004
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST,
            )
            for address in self._addresses
        ]

    async def close(self) -> None:
        """Nothing is open."""

    def socket(self, address: tuple[int, int, int, str, tuple[object, ...]]) -> socket.socket:
        """The last look: aiohttp connects to an address in a URL without asking a resolver."""
        family, kind, protocol, _, place = address
        if ip_address(str(place[0])) not in self._addresses:
            raise OSError("another address than those that were checked")
        return socket.socket(family, kind, protocol)


def _nameserver(text: str) -> dns.nameserver.Nameserver:
    address, colon, port = text.rpartition(":")
    if not colon or ":" in address:  # IPv6 addresses come without a port
        address, port = text, str(_DNS_PORT)
    return dns.nameserver.Do53Nameserver(address, int(port))
