"""The guard in front of the web: real names, real servers, and one on loopback that nobody may ever come to."""

from __future__ import annotations

import asyncio
import gzip
import io
import os
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from shared.adapters.guarded_names import Pinned
from shared.adapters.guarded_web import Caps, GuardedWeb
from shared.domain.addresses import AddressRule
from shared.domain.errors import InvalidInput, SourceRefused, SourceUnavailable
from tests.servers.certificates import Authority
from tests.servers.dns import SERVFAIL, SILENCE, DnsServer
from tests.servers.site import PUBLIC, Secret, Site, reply

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


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with DnsServer().listening() as dns, Site().listening() as site, Secret().listening() as secret:
        dns.say(NAME, "A", [PUBLIC])
        site.pages["/sound"] = reply(body=SOUND, content_type="audio/wav; rate=16000")
        world = World(dns, site, secret, web=None)  # type: ignore[arg-type]
        world.web = world.guard()
        yield world
        assert secret.connections == 0


# ---- what may be reached -------------------------------------------------------------------------------------------


async def test_a_public_recording_is_downloaded(world):
    into = io.BytesIO(b"before")
    into.seek(0, os.SEEK_END)
    got = await world.web.download(world.url, into, max_bytes=len(SOUND))
    assert (got.size, got.content_type) == (len(SOUND), "audio/wav")
    assert into.getvalue() == b"before" + SOUND
    await world.web.check(world.url)


async def test_the_request_says_nothing_of_us_but_a_name(world):
    world.site.pages["/in"] = reply("302 Found", location="/sound?sig=a%2Bb%2F=", set_cookie="id=1; Path=/")
    assert await world.fetch(f"http://{NAME}:{world.site.port}/in") == SOUND
    for request in world.site.requests:
        assert request.headers == {
            "host": f"{NAME}:{world.site.port}",
            "user-agent": "session-scribe",
            "accept": "*/*",
            "accept-encoding": "identity",
            "connection": "close",
        }
    assert world.site.requests[1].line == "GET /sound?sig=a%2Bb%2F= HTTP/1.1"


async def test_no_proxy_and_no_credentials_of_this_machine_are_used(world, monkeypatch, tmp_path: Path):
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{world.secret.port}")
    (tmp_path / ".netrc").write_text(f"machine {NAME} login me password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    assert await world.fetch() == SOUND
    assert "authorization" not in world.site.requests[0].headers


async def test_a_name_that_leads_there_by_aliases(world):
    chain = [("a.example", "CNAME", ["b.example."]), ("b.example", "CNAME", ["c.example."]),
             ("c.example", "A", [PUBLIC])]  # fmt: skip
    world.dns.say_chain("a.example", "A", chain)
    assert await world.fetch(f"http://a.example:{world.site.port}/sound") == SOUND


async def test_an_answer_too_large_for_udp_is_asked_for_again(world):
    world.dns.say("many.example", "A", [PUBLIC])
    world.dns.say("many.example", "AAAA", [f"2606:4700::{n:x}" for n in range(1, 90)])
    await world.web.check("https://many.example/")
    assert world.dns.over_tcp == 1


async def test_a_post_gives_the_status_and_follows_nothing(world):
    world.site.pages["/hook"] = reply("302 Found", location="/sound")
    status = await world.web.post(
        f"http://{NAME}:{world.site.port}/hook", b'{"a":1}', {"x-scribe-timestamp": "1"}, timeout_s=5
    )
    (request,) = world.site.requests
    assert (status, request.body) == (302, b'{"a":1}')
    assert request.headers["content-type"] == "application/json"
    assert request.headers["x-scribe-timestamp"] == "1"


# ---- what may not --------------------------------------------------------------------------------------------------

HOSTILE = [
    # loopback and unspecified, in every spelling that some library understands
    "http://127.0.0.1:{port}/", "http://127.0.0.2:{port}/", "http://127.255.255.254:{port}/", "http://127.1:{port}/",
    "http://127.0.1:{port}/", "http://2130706433:{port}/", "http://0x7f000001:{port}/", "http://0x7f.0.0.1:{port}/",
    "http://0x7f.1:{port}/", "http://017700000001:{port}/", "http://0177.0.0.1:{port}/", "http://00177.0.0.1:{port}/",
    "http://127.000.000.001:{port}/", "http://6425673729:{port}/", "http://383.0.0.1:{port}/", "http://0:{port}/",
    "http://0.0.0.0:{port}/", "http://0x0:{port}/", "http://127.0.0.1.:{port}/", "http://localhost:{port}/",
    "http://LOCALHOST:{port}/", "http://localhost.:{port}/", "http://a.localhost:{port}/",
    "http://１２７.０.０.１:{port}/", "http://①②⑦.⓪.⓪.①:{port}/", "http://127。0。0。1:{port}/",
    "http://%31%32%37.0.0.1:{port}/", "http://127.0.0.1%00.example:{port}/", "http://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ:{port}/",
    # IPv6, and IPv4 inside it
    "http://[::1]:{port}/", "http://[::]:{port}/", "http://[0:0:0:0:0:0:0:1]:{port}/", "http://[::127.0.0.1]:{port}/",
    "http://[::ffff:127.0.0.1]:{port}/", "http://[::ffff:7f00:1]:{port}/", "http://[::ffff:0:127.0.0.1]:{port}/",
    "http://[64:ff9b::127.0.0.1]:{port}/", "http://[64:ff9b:1::7f00:1]:{port}/", "http://[2002:7f00:1::]:{port}/",
    "http://[2001:0:7f00:1::80ff:fffe]:{port}/", "http://[2606:4700::5efe:7f00:1]:{port}/",
    "http://[fe80::1%25lo]:{port}/", "http://[::1%25lo]:{port}/", "http://[fd00:ec2::254]/", "http://[fc00::1]/",
    "http://[fec0::1]/", "http://[ff02::1]/", "http://[2001:db8::1]/", "http://[3fff::1]/", "http://[127.0.0.1]:{port}/",
    # private networks and metadata services
    "http://10.0.0.1/", "http://172.16.0.1/", "http://172.31.255.255/", "http://192.168.0.1/", "http://100.64.0.1/",
    "http://100.100.100.200/latest/meta-data/", "http://169.254.169.254/metadata/instance?api-version=2021-02-01",
    "http://169.254.169.254.:80/", "http://[::ffff:169.254.169.254]/", "http://2852039166/", "http://0xa9fea9fe/",
    "http://168.63.129.16/machine/?comp=goalstate", "http://192.0.0.192/", "http://169.254.170.2/v2/credentials",
    "http://198.18.0.1/", "http://203.0.113.1/", "http://224.0.0.1/", "http://255.255.255.255/", "http://240.0.0.1/",
    # one program's host, another's path
    "http://files.example@127.0.0.1:{port}/", "http://127.0.0.1:{port}@files.example/", "http://a:b@127.0.0.1:{port}/",
    "http://files.example\\@127.0.0.1:{port}/", "http://127.0.0.1:{port}\\.files.example/",
    "http:\\\\127.0.0.1:{port}/", "http:/127.0.0.1:{port}/", "http:127.0.0.1:{port}/", "http:///127.0.0.1:{port}/",
    "//127.0.0.1:{port}/", "http://files.example:{port}:80/", "http://127.0.0.1:{port}#@files.example/",
    "http://127.0.0.1:{port}?@files.example/",
    "http://127.0.0.1:0{port}/", "http://files.example:80:{port}/", "http://[::1]{port}/", "http://[::1/", "http://]/",
    # characters that are dropped, or end a line
    " http://127.0.0.1:{port}/", "http://127.0.0.1:{port}/ ", "ht\ttp://127.0.0.1:{port}/", "http://127.0.\n0.1:{port}/",
    "http://127.0.0.1:{port}/\r\nHost: files.example", "http://127.0.0.1:{port}/\x00", "http://127.0.0.1\t:{port}/",
    "http://\u200b127.0.0.1:{port}/", "http://127.0.0.1\u00ad:{port}/", "http://\u3000127.0.0.1:{port}/",
    # other schemes, ports of other services
    "file:///etc/passwd", "ftp://127.0.0.1:{port}/", "gopher://127.0.0.1:{port}/_GET", "dict://127.0.0.1:{port}/",
    "ws://127.0.0.1:{port}/", "unix:/var/run/docker.sock", "http+unix://%2Fvar%2Frun%2Fdocker.sock/",
    "data:audio/wav,x",    "javascript:x", "jar:http://127.0.0.1:{port}/!/", "http://files.example:22/", "http://files.example:25/",
    "http://files.example:0/", "http://files.example:70000/", "http://files.example:-1/", "http://files.example:８０/",
    # names without a domain
    "http://metadata/", "http://kubernetes:{port}/", "http://wireserver/", "http://.:{port}/", "http://-:{port}/",
    "http://a..example:{port}/", "http://.example:{port}/", "", "http://", "https://?x", "http://*/", "http://a*.example/",
]  # fmt: skip
# ruff: noqa: RUF001, S104


@pytest.mark.parametrize("hostile", HOSTILE)
async def test_a_url_that_leads_inside(world, hostile):
    url = hostile.replace("{port}", str(world.secret.port))
    into = io.BytesIO()
    with pytest.raises(InvalidInput) as checked:
        await world.web.check(url)
    with pytest.raises(SourceRefused) as downloaded:
        await world.web.download(url, into, max_bytes=100)
    with pytest.raises(InvalidInput):
        await world.web.post(url, b"{}", {}, timeout_s=5)
    assert (checked.value.code, downloaded.value.code) == ("url_not_allowed", "recording_unusable")
    assert into.getvalue() == b""


ANSWERS = {
    "loopback": {"A": ["127.0.0.1"]},
    "another loopback": {"A": ["127.0.0.53"]},
    "unspecified": {"A": ["0.0.0.0"]},
    "private": {"A": ["10.1.2.3"]},
    "metadata": {"A": ["169.254.169.254"]},
    "wire server": {"A": ["168.63.129.16"]},
    "a public and a private one": {"A": [PUBLIC, "127.0.0.1"]},
    "a private among many public ones": {"A": [PUBLIC, "1.1.1.1", "8.8.8.8", "192.168.1.1", "9.9.9.9"]},
    "public IPv4 and loopback IPv6": {"A": [PUBLIC], "AAAA": ["::1"]},
    "loopback IPv6 only": {"AAAA": ["::1"]},
    "mapped": {"AAAA": ["::ffff:127.0.0.1"]},
    "mapped, of a public one": {"AAAA": ["::ffff:1.1.1.1"]},
    "compatible": {"AAAA": ["::127.0.0.1"]},
    "translated": {"AAAA": ["64:ff9b::7f00:1"]},
    "6to4": {"AAAA": ["2002:7f00:1::1"]},
    "unique local": {"AAAA": ["fd00:ec2::254"]},
    "link-local": {"AAAA": ["fe80::1"]},
}


@pytest.mark.parametrize("answers", ANSWERS.values(), ids=ANSWERS.keys())
async def test_a_name_that_leads_inside(world, answers):
    for kind, addresses in answers.items():
        world.dns.say("hostile.example", kind, addresses)
    await assert_refused(world, f"http://hostile.example:{world.secret.port}/")
    await assert_refused(world, f"https://hostile.example:{world.secret.port}/")


async def assert_refused(world: World, url: str) -> None:
    with pytest.raises(InvalidInput, match="may not be reached"):
        await world.web.check(url)
    with pytest.raises(SourceRefused, match="may not be reached"):
        await world.fetch(url)
    with pytest.raises(InvalidInput, match="may not be reached"):
        await world.web.post(url, b"{}", {}, timeout_s=5)


@pytest.mark.parametrize("end", [("A", "127.0.0.1"), ("AAAA", "::1"), ("A", "10.0.0.7")], ids=str)
async def test_an_alias_that_leads_inside(world, end):
    kind, address = end
    chain = [("alias.example", "CNAME", ["db.internal.example."]), ("db.internal.example", kind, [address])]
    world.dns.say_chain("alias.example", kind, chain)
    await assert_refused(world, f"http://alias.example:{world.secret.port}/")


async def test_an_alias_that_turns_in_circles(world):
    chain = [("x.example", "CNAME", ["y.example."]), ("y.example", "CNAME", ["x.example."])]
    world.dns.say_chain("x.example", "A", chain)
    with pytest.raises((InvalidInput, SourceUnavailable)):
        await world.web.check("http://x.example/")


async def test_a_name_is_looked_up_once_so_a_second_answer_changes_nothing(world):
    world.dns.say("rebind.example", "A", [PUBLIC], ["127.0.0.1"])
    assert await world.fetch(f"http://rebind.example:{world.site.port}/sound") == SOUND
    assert world.dns.asked.count(("rebind.example", "A")) == 1


async def test_a_redirect_to_the_same_name_is_looked_up_again(world):
    world.dns.say("rebind.example", "A", [PUBLIC], ["127.0.0.1"])
    world.site.pages["/in"] = reply("302 Found", location=f"http://rebind.example:{world.secret.port}/")
    with pytest.raises(SourceRefused, match="may not be reached"):
        await world.fetch(f"http://rebind.example:{world.site.port}/in")
    assert len(world.site.requests) == 1


async def test_what_was_fine_when_it_was_registered_is_checked_again_when_it_is_used(world):
    world.dns.say("rebind.example", "A", [PUBLIC], ["127.0.0.1"])
    url = f"http://rebind.example:{world.secret.port}/"
    await world.web.check(url)
    with pytest.raises(InvalidInput):
        await world.web.post(url, b"{}", {}, timeout_s=5)


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
@pytest.mark.parametrize("hostile", ["http://127.0.0.1:{port}/", "//127.0.0.1:{port}/", "//[::1]:{port}/",
                                     "http://inside.example:{port}/", "http://0x7f.1:{port}/", "\\\\127.0.0.1:{port}",
                                     "http://169.254.169.254/", "file:///etc/passwd", "http://a@127.0.0.1:{port}/",
                                     "http://localhost:{port}/"])  # fmt: skip
async def test_a_redirect_that_leads_inside(world, status, hostile):
    world.dns.say("inside.example", "A", ["127.0.0.1"])
    world.site.pages["/in"] = reply(status, location=hostile.replace("{port}", str(world.secret.port)))
    with pytest.raises(SourceRefused):
        await world.fetch(f"http://{NAME}:{world.site.port}/in")


async def test_a_redirect_inside_at_the_end_of_many_good_ones(world):
    for step in range(2):
        world.site.pages[f"/{step}"] = reply("302 Found", location=f"/{step + 1}")
    world.site.pages["/2"] = reply("302 Found", location=f"http://127.0.0.1:{world.secret.port}/")
    with pytest.raises(SourceRefused, match="may not be reached"):
        await world.fetch(f"http://{NAME}:{world.site.port}/0")
    assert len(world.site.requests) == 3


async def test_no_socket_is_made_for_an_address_that_was_not_checked():
    pinned = Pinned("a.example", [IPv4Address(PUBLIC)])
    stream = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "")
    pinned.socket((*stream, (PUBLIC, 80))).close()
    with pytest.raises(OSError, match="checked"):
        pinned.socket((*stream, ("127.0.0.1", 80)))
    with pytest.raises(OSError, match="checked"):
        await pinned.resolve("b.example")


async def test_an_unknown_name_has_no_recording(world):
    with pytest.raises(SourceRefused, match="does not exist"):
        await world.fetch("http://nowhere.example/")
    world.dns.say("mail.example", "MX", ["10 a.example."])
    with pytest.raises(InvalidInput, match="no address"):
        await world.web.check("http://mail.example/")


@pytest.mark.parametrize("answer", [SILENCE, SERVFAIL])
async def test_names_that_nobody_can_tell_now_may_be_told_later(world, answer):
    world.dns.say("later.example", "A", answer)
    web = world.guard(Caps(connect_s=0.2))
    with pytest.raises(SourceUnavailable):
        await web.check("http://later.example/")
    with pytest.raises(SourceUnavailable):
        await web.download("http://later.example/", io.BytesIO(), max_bytes=1)


# ---- what comes back -----------------------------------------------------------------------------------------------


async def endless(writer: asyncio.StreamWriter) -> None:
    """A body without a length that does not end."""
    writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
    while True:
        writer.write(bytes(65536))
        await writer.drain()


async def endless_chunks(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"10000\r\n" + bytes(65536) + b"\r\n")
        await writer.drain()


async def endless_headers(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"X-More: " + b"x" * 1000 + b"\r\n")
        await writer.drain()


async def endless_interim_answers(writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"HTTP/1.1 103 Early Hints\r\n\r\n")
        await writer.drain()


TOO_LARGE = {
    "says so": reply(body=SOUND),
    "says less than it sends, in chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1000\r\n"
    + bytes(4096)
    + b"\r\n0\r\n\r\n",
    "says nothing": b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + SOUND,
    "never ends": endless,
    "never ends, in chunks": endless_chunks,
    "says it is endless": reply(body=b"", content_length="9" * 18),
}


@pytest.mark.parametrize("page", TOO_LARGE.values(), ids=TOO_LARGE.keys())
async def test_more_than_is_wanted_is_refused_and_none_of_it_kept(world, page):
    world.site.pages["/sound"] = page
    into = io.BytesIO()
    with pytest.raises(SourceRefused, match="larger"):
        await world.web.download(world.url, into, max_bytes=1000)
    assert into.getvalue() == b""


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "gzip, gzip", "identity, gzip", "x"])
async def test_what_comes_compressed_is_refused(world, encoding):
    world.site.pages["/sound"] = reply(body=gzip.compress(bytes(10_000_000)), content_encoding=encoding)
    with pytest.raises(SourceRefused, match="compressed"):
        await world.fetch()


MALFORMED = {
    "a header too long": reply(body=SOUND, x_long="x" * 10_000),
    "too many headers": reply(body=SOUND, **{f"x_{n}": "x" for n in range(200)}),
    "headers without end": endless_headers,
    "a status line too long": b"HTTP/1.1 200 " + b"x" * 10_000 + b"\r\n\r\n",
    "no HTTP": b"220 mail.example ESMTP\r\n\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
    "no length": b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello",
}


@pytest.mark.parametrize("page", MALFORMED.values(), ids=MALFORMED.keys())
async def test_what_is_no_proper_answer_is_refused(world, page):
    world.site.pages["/sound"] = page
    with pytest.raises(SourceRefused):
        await world.fetch()
    with pytest.raises(SourceUnavailable):
        await world.web.post(world.url, b"{}", {}, timeout_s=5)


CUT_OFF = {
    "less than was said": b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + bytes(100),
    "in the middle of a chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1000\r\n" + bytes(100),
    "before the last chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
    "at once": b"",
    "in the headers": b"HTTP/1.1 200 OK\r\nContent-",
}


@pytest.mark.parametrize("page", CUT_OFF.values(), ids=CUT_OFF.keys())
async def test_what_is_cut_off_may_be_asked_for_again_and_begins_anew(world, page):
    world.site.pages["/sound"] = page
    into = io.BytesIO()
    with pytest.raises(SourceUnavailable):
        await world.web.download(world.url, into, max_bytes=1_000_000)
    assert into.getvalue() == b""
    world.site.pages["/sound"] = reply(body=SOUND)
    await world.web.download(world.url, into, max_bytes=1_000_000)
    assert into.getvalue() == SOUND


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 416, 204, 206, 300, 304, 305])
async def test_an_answer_that_will_not_change_is_final(world, status):
    world.site.pages["/sound"] = reply(f"{status} So", body=b"" if status in {204, 304} else b"x")
    with pytest.raises(SourceRefused, match=str(status)) as refused:
        await world.fetch()
    assert refused.value.code == "recording_unusable"


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
async def test_an_answer_that_may_change_is_not(world, status):
    world.site.pages["/sound"] = reply(f"{status} So", body=b"x")
    with pytest.raises(SourceUnavailable, match=str(status)):
        await world.fetch()


async def test_redirects_come_to_an_end(world):
    world.site.pages["/sound"] = reply("302 Found", location="/sound")
    with pytest.raises(SourceRefused, match="redirects"):
        await world.fetch()
    assert len(world.site.requests) == 1 + QUICK.redirects


async def test_a_redirect_to_nowhere_comes_to_an_end(world):
    world.site.pages["/sound"] = b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n"
    with pytest.raises(SourceRefused):
        await world.fetch()


async def test_a_server_that_says_nothing(world):
    done = asyncio.Event()

    async def silent(_: asyncio.StreamWriter) -> None:
        await done.wait()

    world.site.pages["/sound"] = silent
    web = world.guard(Caps(idle_s=0.1))
    with pytest.raises(SourceUnavailable, match="in time"):
        await web.download(world.url, io.BytesIO(), max_bytes=1)
    with pytest.raises(SourceUnavailable, match="within"):
        await web.post(world.url, b"{}", {}, timeout_s=0.05)
    done.set()


async def trickle(writer: asyncio.StreamWriter) -> None:
    """A byte at a time, never silent, never done."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0)


@pytest.mark.parametrize("page", [trickle, endless_interim_answers], ids=["trickle", "interim answers"])
async def test_a_server_that_never_comes_to_an_end(world, page):
    world.site.pages["/sound"] = page
    with pytest.raises(SourceUnavailable, match="longer than"):
        await world.guard(Caps(total_s=0.3)).download(world.url, io.BytesIO(), max_bytes=2**30)


async def test_nobody_listens(world):
    with pytest.raises(SourceUnavailable):
        await world.fetch(f"http://{PUBLIC}:{world.dns.port}/")


async def test_errors_say_where_and_never_what_was_asked(world):
    world.site.pages["/sound"] = reply("404 Not Found")
    for url in (world.url + "?sig=TOP-SECRET", "http://127.0.0.1/?sig=TOP-SECRET", "http://nowhere.example/TOP-SECRET"):
        with pytest.raises(SourceRefused) as refused:
            await world.fetch(url)
        shown = f"{refused.value!r} {refused.value.__cause__!r}"
        assert "TOP-SECRET" not in shown
        assert refused.value.__suppress_context__ or refused.value.__context__ is None


# ---- TLS -----------------------------------------------------------------------------------------------------------


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
