"""How the Azure SDKs of this process reach the network: aiohttp, without what costs more than the request itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from urllib.request import getproxies

from azure.core.pipeline.transport import AioHttpTransport

PIECE = 256 * 1024
"""Bytes that are handed to the socket, or taken from it, at once."""


class HttpTransport(AioHttpTransport):  # type: ignore[misc]
    """AioHttpTransport that sends large bodies in pieces and asks the environment only where it has something to say.

    Proxies named in the environment are used, as by any Azure SDK. Where none is named, aiohttp would still look
    through all of the environment, and for a `.netrc` in a thread, before each request.
    """

    def __init__(self, **options: Any) -> None:
        """`options` are the SDK's: `connection_timeout`, `read_timeout`."""
        super().__init__(use_env_settings=bool(getproxies()), connection_data_block_size=PIECE, **options)

    async def send(self, request: Any, **options: Any) -> Any:
        """See AsyncHttpTransport.send.

        Given one large `bytes`, asyncio copies what the socket does not take, again and again: three bodies in memory
        for one that is sent.
        """
        body = request.data
        if not isinstance(body, bytes) or len(body) <= PIECE:
            return await super().send(request, **options)
        request.data = _pieces(body)
        try:
            return await super().send(request, **options)
        finally:
            request.data = body  # for the retry


async def _pieces(body: bytes) -> AsyncIterator[memoryview]:
    view = memoryview(body)
    for start in range(0, len(body), PIECE):
        yield view[start : start + PIECE]
