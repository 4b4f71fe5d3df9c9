"""The web over aiohttp, with a guard in front: what is connected to is what was checked.

For each request, and for each redirect again: the URL is read (`shared.domain.urls`), its name is looked up, every
address of the answer is held against the rule, and the connection is given those addresses and no others. Nobody looks
the name up a second time, so a DNS server that changes its answer changes nothing. One forbidden address among public
ones closes the name.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from typing import BinaryIO

import aiohttp
from yarl import URL

from shared.adapters.guarded_names import Names, Pinned
from shared.domain.addresses import AddressRule, IPAddress
from shared.domain.errors import InvalidInput, SourceRefused, SourceUnavailable
from shared.domain.urls import CODE, Url, follow, read_url
from shared.ports import Downloaded

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PATIENCE = frozenset({408, 425, 429})
_PIECE_BYTES = 256 * 1024
_LINE_BYTES = 8190
_HEADERS = 64
"""Of one answer, each at most `_LINE_BYTES` long."""
_OURS = {"User-Agent": "session-scribe", "Accept": "*/*", "Accept-Encoding": "identity"}


@dataclass(frozen=True)
class Caps:
    """What one download may cost. Times are seconds."""

    redirects: int = 5
    total_s: float = 1800
    idle_s: float = 30
    connect_s: float = 10


class GuardedWeb:
    """`Web` for addresses that others chose. No cookies, no proxies, no credentials of ours, no decompression."""

    def __init__(
        self,
        *,
        rule: AddressRule,
        nameservers: Sequence[str] = (),
        caps: Caps | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """`nameservers` are `address` or `address:port`, this machine's when empty; `tls` is for tests' own roots."""
        self._rule = rule
        self._caps = caps or Caps()
        self._names = Names(nameservers, lifetime_s=self._caps.connect_s)
        self._given_tls = tls

    async def check(self, url: str) -> None:
        """See Web.check."""
        await self._pin(read_url(url))

    async def download(self, url: str, into: BinaryIO, *, max_bytes: int) -> Downloaded:
        """See Web.download. What fails leaves nothing in `into`."""
        start = into.tell()
        try:
            async with asyncio.timeout(self._caps.total_s):
                return await self._download(read_url(url), into, max_bytes)
        except BaseException as error:
            into.seek(start)
            into.truncate()
            if isinstance(error, InvalidInput):
                raise SourceRefused(str(error)) from None
            if isinstance(error, TimeoutError):
                raise SourceUnavailable(f"a download took longer than {self._caps.total_s:g} s") from None
            raise

    async def post(self, url: str, body: bytes, headers: Mapping[str, str], *, timeout_s: float) -> int:
        """See Web.post. Of the answer nothing but its status is read."""
        json = {"Content-Type": "application/json", **headers}
        try:
            async with asyncio.timeout(timeout_s), self._ask("POST", read_url(url), body, json) as answer:
                return answer.status
        except SourceRefused as error:
            raise SourceUnavailable(str(error)) from None
        except TimeoutError:
            raise SourceUnavailable(f"no answer within {timeout_s:g} s") from None

    async def _download(self, at: Url, into: BinaryIO, max_bytes: int) -> Downloaded:
        for _ in range(self._caps.redirects + 1):
            async with self._ask("GET", at) as answer:
                if answer.status not in _REDIRECTS:
                    return await _keep(at, answer, into, max_bytes)
                at = follow(at, answer.headers.get("Location", ""))
        raise SourceRefused(f"{at.host}: more than {self._caps.redirects} redirects")

    @asynccontextmanager
    async def _ask(
        self, method: str, at: Url, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """One request on a connection of its own. Raises: InvalidInput, SourceRefused, SourceUnavailable."""
        pinned = Pinned(at.host, await self._pin(at))
        try:
            async with (
                self._session(at, pinned) as session,
                session.request(
                    method,
                    URL(at.text, encoded=True),
                    data=body,
                    headers={**_OURS, **(headers or {})},
                    allow_redirects=False,
                ) as answer,
            ):
                yield answer
        except aiohttp.ClientConnectorCertificateError:
            raise SourceRefused(f"{at.host}: its certificate is not valid") from None
        except (aiohttp.ClientResponseError, aiohttp.InvalidURL):
            raise SourceRefused(f"{at.host}: its answer is not HTTP as it must be") from None
        except TimeoutError:
            raise SourceUnavailable(f"{at.host}: no answer in time") from None
        except (aiohttp.ClientError, OSError):  # their texts hold the URL
            raise SourceUnavailable(f"{at.host}: no answer, or one that was cut off") from None

    def _session(self, at: Url, pinned: Pinned) -> aiohttp.ClientSession:
        """For one request: neither connections nor cookies are kept."""
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                resolver=pinned,
                socket_factory=pinned.socket,
                use_dns_cache=False,
                force_close=True,
                ssl=self._tls if at.scheme == "https" else True,
            ),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._caps.connect_s, sock_read=self._caps.idle_s),
            auto_decompress=False,
            trust_env=False,
            max_line_size=_LINE_BYTES,
            max_field_size=_LINE_BYTES,
            max_headers=_HEADERS,
        )

    async def _pin(self, at: Url) -> tuple[IPAddress, ...]:
        addresses = (at.address,) if at.address is not None else await self._names.addresses(at.host)
        if not all(self._rule.allows(address) for address in addresses):
            raise InvalidInput(f"{at.host} is, or leads to, an address that may not be reached", code=CODE)
        return addresses

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        """Loading the machine's roots takes a while, so once, and not before they are needed."""
        return self._given_tls or ssl.create_default_context()


async def _keep(at: Url, answer: aiohttp.ClientResponse, into: BinaryIO, max_bytes: int) -> Downloaded:
    """Raises: SourceRefused, SourceUnavailable."""
    if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR or answer.status in _PATIENCE:
        raise SourceUnavailable(f"{at.host} answered {answer.status}")
    if answer.status != HTTPStatus.OK:
        raise SourceRefused(f"{at.host} answered {answer.status}")
    if answer.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
        raise SourceRefused(f"{at.host} sends it compressed, which was not asked for")
    size = 0
    if (answer.content_length or 0) > max_bytes:
        raise SourceRefused(f"{at.host}: larger than {max_bytes} bytes")
    async for piece in answer.content.iter_chunked(_PIECE_BYTES):
        size += len(piece)
        if size > max_bytes:
            raise SourceRefused(f"{at.host}: larger than {max_bytes} bytes")
        into.write(piece)
    return Downloaded(size=size, content_type=answer.content_type)
