"""What the guarded web makes of what comes back: too much, cut off, malformed, late, or never."""

from __future__ import annotations

import asyncio
import gzip
import io

import pytest

from shared.adapters.guarded_web import Caps
from shared.domain.errors import SourceRefused, SourceUnavailable
from tests.integration.guarded_web.world import QUICK, SOUND
from tests.servers.site import PUBLIC, reply


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
