"""The guard in front of the web: real names, real servers, and one on loopback that nobody may ever come to."""

from __future__ import annotations

import io
import os
import socket
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from shared.adapters.guarded_names import Pinned
from shared.adapters.guarded_web import Caps
from shared.domain.errors import InvalidInput, SourceRefused, SourceUnavailable
from tests.integration.guarded_web.world import NAME, SOUND, World
from tests.servers.dns import SERVFAIL, SILENCE
from tests.servers.site import PUBLIC, reply

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
