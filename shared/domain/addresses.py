"""Which IP addresses a request may go to whose destination somebody else chose.

What is not known to be public is closed. Sources: the IANA registries of special-purpose addresses (RFC 6890 and its
updates) and of IPv6 global unicast (RFC 4291: all that is assigned lies in 2000::/3). Addresses that carry an IPv4
address inside (mapped, compatible, NAT64, 6to4, Teredo, ISATAP) are closed whatever they carry: nobody serves the
public web at one, and what a gateway on the way makes of them is not ours to know.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

IPAddress = IPv4Address | IPv6Address

_CLOSED_V4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this host, unspecified (RFC 791)
        "10.0.0.0/8",  # private (RFC 1918)
        "100.64.0.0/10",  # carrier-grade NAT (RFC 6598); Alibaba Cloud's metadata is 100.100.100.200
        "127.0.0.0/8",  # loopback
        "169.254.0.0/16",  # link-local (RFC 3927); the metadata service of most clouds is 169.254.169.254
        "168.63.129.16/32",  # Azure's wire server: of public form, answered by the virtual machine's own host
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # IETF protocol assignments (RFC 6890)
        "192.0.2.0/24",  # documentation (RFC 5737)
        "192.88.99.0/24",  # 6to4 relays (RFC 7526)
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarks (RFC 2544)
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)
_OPEN_V6 = IPv6Network("2000::/3")
"""Outside of it lie loopback, link-local, unique local (EC2's metadata, fd00:ec2::254), multicast, mapped, NAT64."""
_CLOSED_V6 = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # IETF protocol assignments: Teredo (RFC 4380), benchmarks, ORCHID
        "2001:db8::/32",  # documentation (RFC 3849)
        "2002::/16",  # 6to4 (RFC 3056)
        "3fff::/20",  # documentation (RFC 9637)
    )
)
_ISATAP = frozenset({0x00005EFE, 0x02005EFE})
"""What the last 64 bits begin with when they hold an IPv4 address (RFC 5214)."""


def is_public(address: IPAddress) -> bool:
    """Whether an address is of the public internet, as far as its form says."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _CLOSED_V4)
    if address.scope_id is not None or address not in _OPEN_V6:
        return False
    isatap = int(address) >> 32 & 0xFFFFFFFF in _ISATAP
    return not isatap and not any(address in network for network in _CLOSED_V6)


@dataclass(frozen=True)
class AddressRule:
    """Public addresses may be reached, and those named: loopback on a laptop, which is not public at all."""

    named: frozenset[IPAddress] = frozenset()

    def allows(self, address: IPAddress) -> bool:
        """Whether a connection to the address may be opened."""
        return address in self.named or is_public(address)
