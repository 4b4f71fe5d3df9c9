"""Which addresses may be reached: none that is not public, however it is written."""

from __future__ import annotations

import contextlib
import ipaddress
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.addresses import AddressRule, IPAddress, is_public
from shared.domain.errors import InvalidInput
from shared.domain.urls import Url, follow, read_url

CLOSED = [
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "168.63.129.16/32", "172.16.0.0/12",
    "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24",
    "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
    "::/128", "::1/128", "::/96", "::ffff:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/32",
    "2001:2::/48", "2001:10::/28", "2001:20::/28", "2001:db8::/32", "2002::/16", "3fff::/20", "5f00::/16", "fc00::/7",
    "fd00:ec2::254/128", "fe80::/10", "fec0::/10", "ff00::/8",
]  # fmt: skip
OPEN = ["1.1.1.1", "8.8.8.8", "20.60.0.1", "168.63.129.15", "172.32.0.1", "100.128.0.1", "192.0.1.1", "198.20.0.1"]
OPEN_V6 = ["2606:4700:4700::1111", "2a00:1450:4001::200e", "2603:1030::1", "2001:4860:4860::8888"]

closed = st.sampled_from([ipaddress.ip_network(network) for network in CLOSED]).flatmap(
    lambda network: st.ip_addresses(network=network)
)


@pytest.mark.parametrize("address", [*OPEN, *OPEN_V6])
def test_the_public_internet_is_open(address):
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("network", CLOSED)
def test_everything_else_is_closed_from_its_first_address_to_its_last(network):
    within = ipaddress.ip_network(network)
    assert not is_public(within[0])
    assert not is_public(within[-1])


@given(st.ip_addresses())
def test_nothing_is_open_that_pythons_own_registry_calls_special(address: IPAddress):
    special = not address.is_global or address.is_multicast or address.is_reserved or address.is_unspecified
    assert not (special and is_public(address))


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_inside_an_ipv6_address_is_closed(inner: IPv4Address):
    number = int(inner)
    for carrier in (
        number,  # compatible
        0xFFFF << 32 | number,  # mapped
        0xFFFF << 48 | number,  # translated
        0x64FF9B << 96 | number,  # NAT64
        0x2002 << 112 | number << 80,  # 6to4
        0x20010000 << 96 | number ^ 0xFFFFFFFF,  # Teredo
        0x26064700 << 96 | 0x5EFE << 32 | number,  # ISATAP
        0x26064700 << 96 | 0x02005EFE << 32 | number,
    ):
        assert not is_public(IPv6Address(carrier))


def spellings(address: IPAddress) -> list[str]:
    """Ways to write an address that some program somewhere takes for it."""
    if isinstance(address, IPv6Address):
        four = IPv4Address(int(address) & 0xFFFFFFFF)
        return [f"[{address}]", f"[{address.exploded}]", f"[{str(address).upper()}]", f"[{_dotted(address, four)}]"]
    a, b, c, d = address.packed
    number = int(address)
    wide = str.maketrans("0123456789.", "０１２３４５６７８９。")  # noqa: RUF001
    return [
        str(address), f"{address}.", str(number), hex(number), oct(number).replace("0o", "0"),
        f"{a}.{b}.{c * 256 + d}", f"{a}.{b * 65536 + c * 256 + d}", f"0x{a:x}.0x{b:x}.0x{c:x}.0x{d:x}",
        f"0{a:o}.0{b:o}.0{c:o}.0{d:o}", f"00{a:o}.{b}.{c}.{d}", f"0X{a:X}.{b}.{c}.{d}", f"{a:03}.{b:03}.{c:03}.{d:03}",
        f"{a + 256}.{b}.{c}.{d}", str(number + 2**32), f"%{ord(str(a)[0]):x}{str(address)[1:]}",
        str(address).translate(wide), str(address).replace(".", "．"), f"[{address}]",  # noqa: RUF001
        f"[::{address}]", f"[::ffff:{address}]", f"[::ffff:0:{address}]", f"[64:ff9b::{address}]",
    ]  # fmt: skip


def _dotted(address: IPv6Address, four: IPv4Address) -> str:
    return address.exploded.rsplit(":", 2)[0] + f":{four}"


def reachable(url: str) -> bool:
    try:
        read = read_url(url)
    except InvalidInput:
        return False
    return read.address is None or is_public(read.address)


@given(closed, st.sampled_from(["http", "https", "HTTP"]), st.sampled_from(["", ":80", ":443", ":8080"]))
def test_a_closed_address_is_closed_in_every_spelling(address, scheme, port):
    for spelling in spellings(address):
        assert not reachable(f"{scheme}://{spelling}{port}/"), spelling


@given(st.ip_addresses().filter(is_public))
def test_an_open_address_is_open_in_the_one_spelling_there_is(address: IPAddress):
    host = f"[{address}]" if isinstance(address, IPv6Address) else str(address)
    assert read_url(f"https://{host}/").address == address


@given(st.text(max_size=60))
def test_whatever_is_given_is_read_or_refused(text):
    for url in (text, f"http://{text}", f"https://a.example{text}"):
        with contextlib.suppress(InvalidInput):
            read = read_url(url)
            assert read.text.isascii()
            assert read_url(read.text) == read


def test_addresses_that_are_named_are_open_and_no_others():
    rule = AddressRule(frozenset({IPv4Address("127.0.0.5")}))
    assert rule.allows(IPv4Address("127.0.0.5"))
    assert rule.allows(IPv4Address("1.1.1.1"))
    for near in ("127.0.0.4", "127.0.0.6", "::ffff:127.0.0.5", "10.0.0.1"):
        assert not rule.allows(ipaddress.ip_address(near))


def test_an_address_with_a_zone_is_closed():
    assert not is_public(IPv6Address("2606:4700::1%eth0"))


# ---- urls ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given_url", "text"),
    [
        ("https://A.Example/", "https://a.example/"),
        ("HTTPS://a.example", "https://a.example/"),
        ("https://a.example.:443/x", "https://a.example/x"),
        ("http://a.example:80?b", "http://a.example/?b"),
        ("https://a.example:8443/a%20b?sig=%2B%2F=#part", "https://a.example:8443/a%20b?sig=%2B%2F="),
        ("https://faß.example/ü?ö", "https://xn--fa-hia.example/%C3%BC?%C3%B6"),
        ("https://münchen.example/", "https://xn--mnchen-3ya.example/"),
        ("https://xn--mnchen-3ya.example/", "https://xn--mnchen-3ya.example/"),
        ("https://a_b.example/|x|", "https://a_b.example/%7Cx%7C"),
        ("https://[2606:4700:0::1]:8443/x", "https://[2606:4700::1]:8443/x"),
        ("https://a.example/@user:pw", "https://a.example/@user:pw"),
    ],
)
def test_a_url_is_read_one_way(given_url, text):
    assert read_url(given_url).text == text


@pytest.mark.parametrize(
    ("location", "to"),
    [
        ("/b", "https://a.example/b"),
        ("b?c", "https://a.example/x/b?c"),
        ("//b.example/c", "https://b.example/c"),
        ("https://b.example", "https://b.example/"),
        ("?d", "https://a.example/x/y?d"),
    ],
)
def test_a_redirect_is_read_against_where_it_came_from(location, to):
    assert follow(read_url("https://a.example/x/y"), location).text == to


@pytest.mark.parametrize("location", ["http://a.example/", "ftp://a.example/", "javascript:alert(1)", "//a@b.example",
                                      "\\\\b.example", "//b.example:22/", "http://[::1", "/a b",
                                      "data:,x", "file:///etc/passwd"])  # fmt: skip
def test_a_redirect_that_is_not_followed(location):
    with pytest.raises(InvalidInput):
        follow(read_url("https://a.example/x/y"), location)


def test_what_may_be_a_signature_is_not_printed():
    read = read_url("https://a.example/path?sig=abc")
    assert "sig" not in repr(read)
    assert "path" not in repr(read)
    assert isinstance(read, Url)


@pytest.mark.parametrize("port", [1, 21, 22, 23, 25, 53, 79, 81, 110, 143, 445, 465, 587, 993, 1023, 65536, 99999])
def test_a_port_where_no_web_server_stands_is_refused(port):
    with pytest.raises(InvalidInput):
        read_url(f"https://a.example:{port}/")


@pytest.mark.parametrize("port", [80, 443, 1024, 8080, 8443, 65535])
def test_a_port_where_web_servers_stand_is_fine(port):
    assert read_url(f"https://a.example:{port}/").port == port


def test_a_url_has_an_end():
    start = "https://a.example/"
    assert read_url(start + "x" * (4096 - len(start)))
    with pytest.raises(InvalidInput, match="longer"):
        read_url(start + "x" * (4097 - len(start)))
